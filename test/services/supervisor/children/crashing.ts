/** Says something on standard error and ends, each time. */
process.on("message", () => {
  process.stderr.write("the driver has gone away\n", () => process.exit(3));
});

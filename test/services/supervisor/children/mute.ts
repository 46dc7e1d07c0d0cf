/** Never says a word. */
process.on("disconnect", () => process.exit(0));
setInterval(() => {}, 1000);

/** Gets ready and then listens to nothing and nobody but SIGKILL. */
process.on("SIGTERM", () => {});
process.on("message", () => {});
process.send?.({ type: "ready" });
setInterval(() => process.send?.({ type: "status" }), 50);

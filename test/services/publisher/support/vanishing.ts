/** A publisher that will be killed: node vanishing.ts URL */
import { publishing } from "./publishing.ts";

await publishing({ url: process.argv[2] }).publisher.start();

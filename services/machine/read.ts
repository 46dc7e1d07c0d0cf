/** Files of the kernel: short texts that are there on some machines and not on others. */
import { access, readFile } from "node:fs/promises";

/** Without white space at the ends; undefined when there is no such file, or it does not say. */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch {
    return undefined;
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

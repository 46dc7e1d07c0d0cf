/** Asks for a secret: typed without echo on a terminal, otherwise the first line of standard input. Never an argument: those are seen. */
import { EXIT, ExpectedError } from "../log/errors.ts";
import type { Terminal } from "./command.ts";

/** Characters; more is no password, but a file that was piped in by mistake. */
const MOST = 4096;

const CONTROL = { c: "\u0003", d: "\u0004", backspace: "\u0008", delete: "\u007f", u: "\u0015" } as const;

/**
 * @param question without colon
 * @throws ExpectedError when it is interrupted or nothing is given
 */
export async function askSecret(question: string, { stdin, stderr }: Terminal): Promise<string> {
  if (stdin.isTTY !== true) return firstLine(stdin);
  // Before the question: nothing of a quick answer is shown.
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  try {
    stderr.write(`${question}: `);
    return await typed(stdin);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}

/** Twice on a terminal, where a slip is not seen. @throws ExpectedError when the two differ */
export async function askNewSecret(question: string, terminal: Terminal): Promise<string> {
  const first = await askSecret(question, terminal);
  if (terminal.stdin.isTTY !== true || first === (await askSecret(`${question}, again`, terminal))) return first;
  throw new ExpectedError(EXIT.usage, "the two are not the same; nothing was changed");
}

function typed(stdin: NodeJS.ReadStream): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  const take = (chunk: string) => {
    const keys = [...chunk];
    for (const [i, key] of keys.entries()) {
      if (key === CONTROL.c) return reject(new ExpectedError(EXIT.usage, "interrupted; nothing was changed"));
      if (key === "\r" || key === "\n" || key === CONTROL.d) {
        const rest = keys.slice(i + 1).join("");
        // Typed ahead: for the next question.
        if (rest !== "") stdin.unshift(rest, "utf8");
        return resolve(text);
      }
      if (key === CONTROL.u) text = "";
      else if (key === CONTROL.backspace || key === CONTROL.delete) text = [...text].slice(0, -1).join("");
      else if (key >= " " && text.length < MOST) text += key;
    }
  };
  stdin.on("data", take);
  stdin.resume();
  return promise.finally(() => stdin.off("data", take));
}

async function firstLine(stdin: NodeJS.ReadStream): Promise<string> {
  stdin.setEncoding("utf8");
  let text = "";
  for await (const chunk of stdin as AsyncIterable<string>) {
    text += chunk;
    if (text.includes("\n") || text.length > MOST) break;
  }
  const line = text.split(/\r?\n/)[0] ?? "";
  if (line !== "" && line.length <= MOST) return line;
  throw new ExpectedError(EXIT.usage, "expected a password as the first line of standard input");
}

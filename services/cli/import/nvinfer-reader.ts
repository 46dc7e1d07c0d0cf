/** Values of a Gst-nvinfer configuration in their types; what is no such value is an error that names file and key. */
import { EXIT, ExpectedError } from "../../log/errors.ts";
import type { NvinferFile } from "./nvinfer-file.ts";

export class Reader {
  readonly #file: NvinferFile;

  constructor(file: NvinferFile) {
    this.#file = file;
  }

  text(key: string): string | undefined {
    return this.#file.property.get(key);
  }

  number(key: string): number | undefined {
    return this.#number(this.text(key), key);
  }

  /** `a;b;c` */
  numbers(key: string): number[] | undefined {
    const parts = this.text(key)
      ?.split(";")
      .filter((part) => part.trim() !== "");
    return parts?.map((part) => this.#number(part, key) as number);
  }

  flag(key: string): boolean {
    const text = this.text(key) ?? "0";
    if (/^(0|false)$/i.test(text)) return false;
    if (/^(1|true)$/i.test(text)) return true;
    throw this.wrong(key, "0 or 1");
  }

  choice<Value extends string>(key: string, values: Readonly<Record<string, Value>>, absent: string): Value {
    const value = values[this.text(key) ?? absent];
    if (value !== undefined) return value;
    throw this.wrong(
      key,
      Object.entries(values)
        .map(([number, name]) => `${number} (${name})`)
        .join(", "),
    );
  }

  /** Ids of classes with a section of their own, in order. */
  classIds(): number[] {
    const ids = [...this.#file.classes.keys()].filter((of) => of !== "all");
    return ids.map(Number).sort((a, b) => a - b);
  }

  /** @param of "all", or a class id */
  classNumber(of: string, key: string): number | undefined {
    return this.#number(this.#file.classes.get(of)?.get(key), `class-attrs-${of}.${key}`);
  }

  wrong(key: string, expected: string): ExpectedError {
    const found = this.#file.property.get(key) ?? this.#classText(key);
    const what = found === undefined ? "found nothing" : `found "${found}"`;
    return new ExpectedError(EXIT.configuration, `${this.#file.path}: ${key}: ${what}, expected ${expected}`);
  }

  #classText(key: string): string | undefined {
    const [, of = "", name = ""] = /^class-attrs-(all|\d+)\.(.+)$/.exec(key) ?? [];
    return this.#file.classes.get(of)?.get(name);
  }

  #number(text: string | undefined, key: string): number | undefined {
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value)) return value;
    throw this.wrong(key, "a number");
  }
}

/** Which part of a bundle is wrong: `code` of the `refused` message (docs/reference/link.md). */
export type RefusalCode = "bundle" | "model" | "module" | "parameters" | "version" | "limits";

/** Something in the bundle or in the element's request that cannot work, also not when tried again. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  /** What is wrong: a key of bundle.yaml ("model.file"), or a member of the request ("batch"). */
  readonly key: string;
  /** The same again whenever it is tried with the same bundle; false: this machine's configuration may change that. */
  readonly isLasting: boolean;

  /** `message` says what was found, what was expected and what to do. */
  constructor(code: RefusalCode, key: string, message: string, options: ErrorOptions & { isLasting?: boolean } = {}) {
    super(message, options);
    this.code = code;
    this.key = key;
    this.isLasting = options.isLasting ?? true;
  }
}

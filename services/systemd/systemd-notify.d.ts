/** The package has no types of its own. What we use of it. */
declare module "systemd-notify" {
  interface Options {
    readonly ready?: boolean;
    readonly status?: string;
    readonly pid?: number;
  }
  /** Runs the program systemd-notify. Rejects with its output, or with the error of starting it. */
  export default function notify(options: Options): Promise<unknown>;
}

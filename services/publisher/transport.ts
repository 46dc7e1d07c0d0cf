/** Whether what is sent can be read and changed on its way. */

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/** An address without TLS that is not on this machine. */
export function isPlainToElsewhere(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed?.protocol === "mqtt:" && !LOOPBACK.test(parsed.hostname);
}

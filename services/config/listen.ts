/** HOST:PORT as the configuration has it. */

/** Its parts; an IPv6 host comes out without its brackets. */
export function splitAddress(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(":");
  return { host: listen.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port: Number(listen.slice(colon + 1)) };
}

/** Whether only programs of this machine reach it. A name other than localhost may mean any address. */
export function isLoopbackListener(listen: string): boolean {
  return isLoopbackHost(splitAddress(listen).host);
}

/** localhost, 127.…, ::1, with or without brackets. */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|::ffff:127(\.\d{1,3}){3})$/i.test(host);
}

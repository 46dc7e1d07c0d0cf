/** Addresses as they may be shown: without user name and password, and without what looks like a key in the query. */

const secretKeys = /^(pass|passwd|password|pwd|token|key|apikey|api_key|auth|secret|user|username)$/i;

export interface Address {
  /** For GStreamer: no credentials in it. */
  readonly uri: string;
  /** For people. */
  readonly shown: string;
  readonly username: string | null;
  readonly password: string | null;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function hideSecrets(query: string): string {
  if (query === "") return "";
  const shown = query
    .slice(1)
    .split("&")
    .map((part) => (secretKeys.test(part.split("=", 1)[0] ?? "") ? `${part.split("=", 1)[0]}=***` : part));
  return `?${shown.join("&")}`;
}

/**
 * Splits `scheme://user:password@host/path?query`. Not the URL class: it rewrites what cameras are picky about
 * (default ports, escapes, odd paths).
 */
export function parseAddress(uri: string): Address {
  const match = /^([a-z][a-z0-9+.-]*:\/\/)(?:([^/?#]*)@)?([^?#]*)(\?[^#]*)?/i.exec(uri);
  if (match === null) return { uri, shown: uri, username: null, password: null };
  const [, scheme = "", userinfo, rest = "", query = ""] = match;
  const colon = userinfo?.indexOf(":") ?? -1;
  const username = userinfo === undefined ? null : decode(colon < 0 ? userinfo : userinfo.slice(0, colon));
  const password = userinfo === undefined || colon < 0 ? null : decode(userinfo.slice(colon + 1));
  return { uri: `${scheme}${rest}${query}`, shown: `${scheme}${rest}${hideSecrets(query)}`, username, password };
}

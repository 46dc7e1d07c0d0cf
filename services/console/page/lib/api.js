/** Requests to this Nightjar, and the errors that it answers with. */

/** A part of what was sent that is wrong; `key` is its place in what was sent: "points", "source.path". @typedef {{ key: string, message: string }} Problem */

export class ApiError extends Error {
  /**
   * @param {number} status 0: no answer came
   * @param {string} message
   * @param {readonly Problem[]} [problems]
   */
  constructor(status, message, problems = []) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.problems = problems;
  }
}

/** Somebody has to log in (again). @type {() => void} */
let onUnauthorized = () => undefined;

/** @param {() => void} listener */
export function whenUnauthorized(listener) {
  onUnauthorized = listener;
}

/**
 * @template [Answer=any]
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
export function get(path, signal) {
  return ask("GET", path, undefined, signal);
}

/**
 * @template [Answer=any]
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<Answer>}
 */
export function post(path, body = {}) {
  return ask("POST", path, body);
}

/** @param {string} path */
export function remove(path) {
  return ask("DELETE", path);
}

/**
 * A path with its parts escaped: path`/api/cameras/${id}`.
 * @param {TemplateStringsArray} texts
 * @param {...string} parts
 */
export function path(texts, ...parts) {
  return texts.reduce((whole, text, i) => whole + encodeURIComponent(parts[i - 1] ?? "") + text);
}

/**
 * @param {string} method
 * @param {string} address
 * @param {object} [body]
 * @param {AbortSignal} [signal]
 */
async function ask(method, address, body, signal) {
  const response = await send(method, address, body, signal);
  const text = await response.text();
  const answer = parse(text);
  if (response.ok) return answer;
  if (response.status === 401 && address !== "/api/login") onUnauthorized();
  const { message, problems } = answer?.error ?? {};
  throw new ApiError(response.status, message ?? `${method} ${address} was answered with ${response.status}`, problems);
}

/**
 * @param {string} method
 * @param {string} address
 * @param {object} [body]
 * @param {AbortSignal} [signal]
 */
async function send(method, address, body, signal) {
  try {
    return await fetch(address, {
      method,
      signal: signal ?? null,
      headers: headersOf(method),
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "Nightjar does not answer; it may be restarting, or the connection is lost");
  }
}

/**
 * Changes carry a header that pages of other sites cannot send.
 * @param {string} method
 * @returns {Record<string, string>}
 */
function headersOf(method) {
  if (method === "GET") return { accept: "application/json" };
  return { accept: "application/json", "content-type": "application/json", "x-nightjar": "console" };
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * What is to be said about an error.
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

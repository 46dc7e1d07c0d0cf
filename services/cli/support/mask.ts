/**
 * Takes secrets out of text that leaves the device: the values that this device is known to hold, wherever they stand, and whatever
 * looks like a secret by its name or form. Too much goes rather than too little.
 */

export const HIDDEN = "***";
/** Shorter ones would hide half of the text, and protect nothing. Characters. */
const LEAST_LENGTH = 4;

const WORDS =
  "pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|authorization|psk|community";

/** In this order. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, `-----BEGIN $1----- ${HIDDEN}`],
  // User names and passwords of addresses; a password may hold an @.
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>]*@/gi, `$1${HIDDEN}@`],
  [/\b(bearer|basic|digest)\s+[A-Za-z0-9._~+/=-]{4,}/gi, `$1 ${HIDDEN}`],
  [/([?&;](?:user|usr|login|auth|key|sig|signature|sid|session)[a-z_-]*=)[^&\s"'#]*/gi, `$1${HIDDEN}`],
  // key: value, key=value, "key": "value", --key value; a reference ({file: …}) says where a secret is, and stays.
  [
    new RegExp(
      `((?:${WORDS})[a-z0-9_-]*["']?\\s*[:=]\\s*)("(?:[^"\\\\]|\\\\.)*"|'[^']*'|(?![{[\\s]|null\\b|\\*\\*\\*)[^\\s,}\\]&]+)`,
      "gi",
    ),
    `$1${HIDDEN}`,
  ],
  [new RegExp(`(--?[a-z-]*(?:${WORDS})[a-z-]*)(\\s+)(?!-)\\S+`, "gi"), `$1$2${HIDDEN}`],
  [/\$(?:scrypt|argon2id?|2[aby]|6|5|y)\$[^\s"':]+/g, HIDDEN],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, HIDDEN],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, HIDDEN],
];

/** @param known values that must not appear, in any of the forms in which text carries them */
export function masker(known: Iterable<string>): (text: string) => string {
  const values = new Set([...known].flatMap(spellings).filter((value) => value.length >= LEAST_LENGTH));
  // The longest first: one may be part of another.
  const ordered = [...values].sort((a, b) => b.length - a.length);
  return (text) => {
    let masked = text;
    for (const value of ordered) masked = masked.replaceAll(value, HIDDEN);
    for (const [form, replacement] of FORMS) masked = masked.replace(form, replacement);
    return masked;
  };
}

/** As it is, in JSON, in an address, and in base64. */
function spellings(value: string): string[] {
  const text = value.trim();
  if (text === "") return [];
  const inJson = JSON.stringify(text).slice(1, -1);
  return [
    text,
    inJson,
    encodeURIComponent(text),
    encodeURI(text),
    Buffer.from(text).toString("base64").replace(/=+$/, ""),
  ];
}

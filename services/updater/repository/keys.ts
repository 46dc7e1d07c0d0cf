/**
 * Signing keys of a repository. A key in a file is PKCS#8 in PEM, optionally encrypted; a hardware token would be another
 * `Signer`. Only Ed25519: short signatures, no parameters to get wrong.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { canonicalize } from "@tufjs/canonical-json";
import { codeOf, EXIT, ExpectedError } from "../../log/errors.ts";

/** As it stands in metadata. */
export interface PublicKey {
  readonly keytype: "ed25519";
  readonly scheme: "ed25519";
  readonly keyval: { readonly public: string };
}

/** Whoever can sign: a key in a file, or one that never leaves its token. */
export interface Signer {
  readonly id: string;
  readonly publicKey: PublicKey;
  sign(bytes: Uint8Array): Promise<Buffer>;
}

/** Bytes of the SPKI encoding before an Ed25519 public key. */
const SPKI_PREFIX_BYTES = 12;

/** The specification's key id: SHA-256 of the key's canonical JSON. */
export function keyIdOf(key: PublicKey): string {
  return createHash("sha256").update(canonicalize(key)).digest("hex");
}

/** Makes a key pair. @returns its PEM texts; the private one is encrypted when there is a passphrase */
export function generateKey(passphrase: string | undefined): {
  readonly privatePem: string;
  readonly publicPem: string;
  readonly id: string;
} {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const encryption = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  return {
    privatePem: privateKey.export({ type: "pkcs8", format: "pem", ...encryption }).toString(),
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    id: keyIdOf(toPublicKey(publicKey)),
  };
}

/** Writes FILE (0600) and FILE.pub. @throws ExpectedError when FILE is there */
export function writeKey(file: string, passphrase: string | undefined): string {
  const { privatePem, publicPem, id } = generateKey(passphrase);
  try {
    writeFileSync(file, privatePem, { mode: 0o600, flag: "wx" });
    writeFileSync(`${file}.pub`, publicPem, { flag: "wx" });
  } catch (error) {
    const why = codeOf(error) === "EEXIST" ? "it is there already, and a key is never written over" : codeOf(error);
    throw new ExpectedError(EXIT.environment, `${file} cannot be written: ${why}`, { cause: error });
  }
  return id;
}

/** A public key from a file: PEM of a public or (unencrypted) private key. @throws ExpectedError */
export function readPublicKey(file: string): PublicKey {
  const path = statSync(`${file}.pub`, { throwIfNoEntry: false }) === undefined ? file : `${file}.pub`;
  return toPublicKey(parse(path, (pem) => createPublicKey(pem)));
}

/** @param passphrase asked for when the file is encrypted @throws ExpectedError when it cannot be read or is of another kind */
export function readSigner(file: string, passphrase: () => string | undefined): Signer {
  const key = parse(file, (pem) => {
    const isEncrypted = pem.includes("ENCRYPTED");
    const word = isEncrypted ? passphrase() : undefined;
    if (isEncrypted && word === undefined) {
      throw new ExpectedError(
        EXIT.configuration,
        `${file} is encrypted: set NIGHTJAR_KEY_PASSPHRASE, or give --passphrase-file`,
      );
    }
    return createPrivateKey({ key: pem, format: "pem", ...(word === undefined ? {} : { passphrase: word }) });
  });
  const publicKey = toPublicKey(createPublicKey(key));
  return { id: keyIdOf(publicKey), publicKey, sign: async (bytes) => sign(null, bytes, key) };
}

function parse(file: string, read: (pem: string) => KeyObject): KeyObject {
  try {
    const key = read(readFileSync(file, "utf8"));
    if (key.asymmetricKeyType === "ed25519") return key;
    throw new ExpectedError(
      EXIT.configuration,
      `${file} is a key of type ${key.asymmetricKeyType}, expected ed25519 (nightjar repo key makes one)`,
    );
  } catch (error) {
    if (error instanceof ExpectedError) throw error;
    const code = codeOf(error) ?? "";
    const why =
      code === "ENOENT"
        ? "there is no such file"
        : code.includes("DECRYPT") || /decrypt/i.test(String(error))
          ? "the passphrase is wrong"
          : "it holds no key in PEM";
    throw new ExpectedError(EXIT.configuration, `${file} cannot be used as a key: ${why}`, { cause: error });
  }
}

function toPublicKey(key: KeyObject): PublicKey {
  const bytes = key.export({ type: "spki", format: "der" }).subarray(SPKI_PREFIX_BYTES);
  return { keytype: "ed25519", scheme: "ed25519", keyval: { public: bytes.toString("hex") } };
}

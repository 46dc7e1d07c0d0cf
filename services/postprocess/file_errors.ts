// Why a file of a bundle cannot be read, in words for people.

const WHY: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; check its name in bundle.yaml, or install the bundle again",
  ENOTDIR: "a part of its path is a file; check the path",
  EISDIR: "it is a directory; name a file",
  EACCES: "this user may not read it; change its permissions",
  ELOOP: "its symbolic links lead in a circle; install the bundle again",
};

/** "PATH cannot be read: there is no such file; …" */
export function unreadable(path: string, error: Error): string {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return `${path} cannot be read: ${WHY[code] ?? `${error.message}; check the disk`}`;
}

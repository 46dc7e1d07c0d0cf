import { expect, it } from "vitest";
import { EXIT, ExpectedError } from "../../../services/log/errors.ts";
import { writeFileAtomically } from "../../../services/supervisor/atomic-file.ts";

it("a file that cannot be written is a fault of the machine, with the path and the reason", () => {
  const write = () => writeFileAtomically("/proc/nightjar/cameras.json", "{}");
  expect(write).toThrow(ExpectedError);
  expect(write).toThrow(
    /^\/proc\/nightjar\/cameras\.json cannot be written \(ENOENT\); check the disk and the permissions$/,
  );
  try {
    write();
  } catch (error) {
    expect(error).toMatchObject({ exitCode: EXIT.environment });
  }
});

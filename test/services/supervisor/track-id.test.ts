import { expect, it } from "vitest";
import { shortTrackId } from "../../../services/supervisor/track-id.ts";

it.each([
  ["7711046316003950751", "159"],
  ["18446744073709551615", "4294967295"],
  ["4294967297", "1"],
  ["12", "12"],
  ["", ""],
  ["person-7", "person-7"],
])("track id %j is shown as %j", (id, short) => {
  expect(shortTrackId(id)).toBe(short);
});

// The only thing a module may ask of the host: this file's name and the function's are the import "nightjar"."log".
// Raw; log.ts is what authors use.

/** Writes one line to the host's log: level 0 debug, 1 info, 2 warning, 3 error; UTF-8 text, at most 512 bytes are kept. */
export declare function log(level: i32, at: usize, bytes: i32): void;

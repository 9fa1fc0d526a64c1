/** Where commands write. Real streams in the binary, arrays in tests. */
export interface Terminal {
  out(line: string): void
  err(line: string): void
}

/** Where a run stands: first everything goes wrong, then nothing more does and all must come to its end. */
export interface Season {
  isStormy: boolean
}

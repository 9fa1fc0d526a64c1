import { test } from 'vitest'
import { compareEncodings } from './encodings.ts'

const RUNS = 1_000

test(`ethers and the signer agree byte for byte on ${RUNS} transactions`, () => {
  compareEncodings(RUNS, 1)
})

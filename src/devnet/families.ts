/** The families that the demonstration shows. A further one is one more record here. */
import { bitcoinFamily } from './bitcoin/family.ts'
import type { DevnetFamily } from './devnet.ts'
import { ethereumFamily } from './ethereum/family.ts'
import { nanoFamily } from './nano/family.ts'
import { rippleFamily } from './ripple/family.ts'

export const FAMILIES: readonly DevnetFamily[] = [bitcoinFamily, ethereumFamily, nanoFamily, rippleFamily]

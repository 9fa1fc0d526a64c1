/** The files of a ledger, by their names in its directory. */
import { join } from 'node:path'

/** Which checkpoint and which segments count. */
export const HEAD = 'HEAD.json'
/** Held by the process that has the ledger open. */
export const LOCK = 'LOCK'
/** The folder of the segments. */
export const JOURNAL = 'journal'
/** The folder of the checkpoints. */
export const CHECKPOINT = 'checkpoint'
/** The folder of the runs: what has ended, by what it is asked for. */
export const INDEX = 'index'
/** `first`: the seq of the segment's first entry. */
export const journalFile = (first: number): string => join(JOURNAL, `${first}.jsonl`)
/** Of a closed segment; can be made anew from it. */
export const indexFile = (first: number): string => join(JOURNAL, `${first}.index`)
/** `seq`: of the last entry that is in it. */
export const checkpointFile = (seq: number): string => join(CHECKPOINT, `${seq}.jsonl`)
/** `first` and `last`: the seqs that its segments begin and end with. */
export const runFile = (first: number, last: number): string => join(INDEX, `${first}-${last}.run`)

/** The files of a ledger, by their names in its directory. */
import { join } from 'node:path'

export const HEAD = 'HEAD.json'
export const LOCK = 'LOCK'
export const JOURNAL = 'journal'
export const CHECKPOINT = 'checkpoint'
export const INDEX = 'index'
export const journalFile = (first: number): string => join(JOURNAL, `${first}.jsonl`)
export const indexFile = (first: number): string => join(JOURNAL, `${first}.index`)
export const checkpointFile = (seq: number): string => join(CHECKPOINT, `${seq}.jsonl`)
export const runFile = (first: number, last: number): string => join(INDEX, `${first}-${last}.run`)

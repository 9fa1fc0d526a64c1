import type { Addressed, Id } from '../../../machines/vocabulary.ts'

export const tell = (to: Id, type: string, at: number, data: object, run?: string): Addressed => ({
  to,
  event: run === undefined ? { type, at, data } : { type, at, data, run },
})

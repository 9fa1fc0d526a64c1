/** The search for proof of work, of the one family that needs it: src/shell hands it out as a port, in threads. */
export { workModule } from './nano/work-module.ts'
export { createSearch, wordsOf } from './nano/work-search.ts'

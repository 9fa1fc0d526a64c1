/**
 * The watcher's disk is gone for good, with the ledger on it. What was signed comes back from the signer and what was paid
 * from the chain; references and requests come back from the backend, as its integrators are told to do.
 */
import type { Books } from './books.ts'
import { fillWatcher } from './fixtures.ts'
import type { System } from './system.ts'

export function loseLedger({ world, watcher }: System, books: Books): void {
  world.trace('the ledger is lost')
  watcher.replaceDisk(fillWatcher)
  books.losses++
  books.isRestored = false
  books.ledgerId = null
  books.events = []
  books.told.clear()
  books.credited.clear()
  books.acknowledged.clear()
}

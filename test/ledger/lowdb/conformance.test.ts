/** The engine that keeps files owes what every engine owes. */
import { lowdbEngine, type LowdbLedger } from '../../../src/ledger/lowdb/engine.ts'
import { simulatedDisk } from '../../simulation/disk.ts'
import { describeEngine, type TestStore } from '../conformance.ts'
import { DIRECTORY } from './opening.ts'

let seed = 0

function newStore(failure: 'crash' | 'kill'): TestStore {
  let disk = simulatedDisk({ seed: ++seed })
  let ledger: LowdbLedger | null = null
  return {
    engine() {
      const engine = lowdbEngine(disk, DIRECTORY)
      return { ...engine, open: async opening => (ledger = await engine.open(opening)) }
    },
    async fail() {
      disk = disk[failure]()
    },
    tidy: () => ledger!.checkpoint(),
  }
}

describeEngine('files, when the power fails', () => newStore('crash'))
describeEngine('files, when the process is killed', () => newStore('kill'))

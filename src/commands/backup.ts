/** `lockkeeper backup`: a consistent copy of a running watcher's ledger, or of a running signer's memory and audit log, verified. */
import type { ConfigurationFile } from '../config/environment.ts'
import { join, resolve } from 'node:path'
import { boundary, corruptStore } from '../kernel/fault.ts'
import type { Disk } from '../kernel/ports.ts'
import type { Machines } from '../kernel/step.ts'
import { copyLedger } from '../ledger/lowdb/backup.ts'
import { copyAudit } from '../signer/audit/backup.ts'
import type { Terminal } from './terminal.ts'
import { storeOf, verifyCopy } from './verify.ts'

const RESTORE = 'RESTORE.txt'

const OF_LEDGER = (directory: string) => `A copy of a watcher's ledger.

Before you use it: this is the ledger as it was. What the watcher has done since is not in it, and the signer knows it.
A watcher that starts on this copy first compares the signer's memory and adopts what it lacks; it never pays twice.

1. Stop the watcher.
2. Move ${directory} aside. Keep it.
3. Copy this folder to ${directory}, owned by the watcher's user (chown -R), without ${RESTORE}.
4. lockkeeper verify --config watcher.yaml
5. Start the watcher. The backend goes on from its cursor; where that is beyond the end it gets 409 unknown-cursor, begins
   at 0, and knows by ids what it has.

Where the ledger is lost and this copy is old, lockkeeper rebuild --config watcher.yaml --from HEIGHT makes a new one.
`

const OF_MEMORY = (
  directory: string,
) => `A copy of a signer's memory and audit log. It holds no key: the keystore and the recovery phrase are kept elsewhere.

Before you use it: a memory that is behind what was signed must not sign. Watcher and backend have seen how far it was,
and the signer refuses while it is behind (memory-behind). Prefer the newest copy that there is.

1. Stop the signer. See that no other one runs with the same phrase.
2. Move ${directory} aside, but keystore.json. Keep it.
3. Copy this folder to ${directory}, owned by the signer's user (chown -R), without ${RESTORE}.
4. lockkeeper verify --config signer.yaml
5. Start the signer. Where the watcher says memory-behind, signatures are missing in this copy: find a newer one. Only when
   all newer ones are lost for good: docs/operations.md, "accept-signer".
`

/**
 * @param machines null in the bundled signer, which knows no watcher
 * @throws boundary `taken` for a folder that is not empty, `not-found` where there is nothing to copy; corruptStore for what is damaged
 */
export async function backUp(
  disk: Disk,
  { out, ...configuration }: ConfigurationFile & { out: string },
  machines: Machines | null,
  terminal: Terminal,
): Promise<void> {
  const store = storeOf(configuration, machines)
  const to = resolve(out)
  if ((await disk.list(to)).length > 0) throw boundary('taken', `${to} is not empty: name a new folder`)
  const isSigner = store.keystore !== null
  if (isSigner) await copyAudit(disk, store.directory, to)
  await copyLedger(disk, store.directory, to)
  const isSound = await verifyCopy(disk, { ...store, directory: to, keystore: null }, isSigner, terminal)
  if (!isSound) throw corruptStore(`${to}: the copy is damaged, and so perhaps is ${store.directory}`)
  const words = (isSigner ? OF_MEMORY : OF_LEDGER)(store.directory)
  const file = await disk.open(join(to, RESTORE), { create: true })
  await file.append(Buffer.from(words))
  await file.sync()
  await file.close()
  await disk.syncDirectory(to)
  terminal.out(`${join(to, RESTORE)} says how to restore it`)
}

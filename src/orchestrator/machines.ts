/** The watcher's machines, by id. The signer's own, `signing`, is not among them. */
import { account } from '../../machines/account.ts'
import { address } from '../../machines/address.ts'
import { attempt } from '../../machines/attempt.ts'
import { chain } from '../../machines/chain.ts'
import { coin } from '../../machines/coin.ts'
import { deposit } from '../../machines/deposit.ts'
import { movement } from '../../machines/movement.ts'
import { transaction } from '../../machines/transaction.ts'
import { transfer } from '../../machines/transfer.ts'
import { withdrawal } from '../../machines/withdrawal.ts'
import type { Machines } from '../kernel/step.ts'

/** Every machine that the watcher's ledger holds instances of. */
export const watcherMachines: Machines = {
  account,
  address,
  attempt,
  chain,
  coin,
  deposit,
  movement,
  transaction,
  transfer,
  withdrawal,
}

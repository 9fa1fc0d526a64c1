/** Addresses that the signer has made, and to whom they are given. */
import { addressId, treasuryId } from '../../../machines/ids.ts'
import { tell, type GeneratedAddress, type Message } from '../../../machines/messages.ts'
import { tipOf, type RouteView } from './view.ts'

/** Withdrawals may be asked for before the treasury's account is there: it hears of them when it opens. */
function onTreasury({ memory, policy, at }: RouteView, address: string): Message[] {
  const { name, batch } = policy
  const id = treasuryId(name)
  const account = { chain: name, index: 0, address, windowMs: batch.windowMs }
  const opened = tell(id, 'account.opened', at, account)
  const isAwaited = memory.count('withdrawal', name, 'queued') > 0
  return isAwaited ? [opened, tell(id, 'withdrawal.queued', at, {})] : [opened]
}

export function onGenerated(
  view: RouteView,
  addresses: readonly (GeneratedAddress & { isFormer: boolean })[],
): Message[] {
  const { policy, at } = view
  return addresses.flatMap((address): Message[] => {
    const id = addressId(policy.name, address.index)
    const generated = tell(id, 'address.generated', at, { ...address, needsImport: false })
    return address.index === 0 ? [generated, ...onTreasury(view, address.address)] : [generated]
  })
}

/** This ledger is older than the signer's memory: a later one has perhaps given away what is free in it. */
export const onRetained = ({ memory, policy, at }: RouteView): Message[] =>
  memory.list('address', policy.name, 'watched').map(({ id }) => tell(id, 'address.retained', at, {}))

/** Payments that came before the address had an owner are attributed together with it, and go on from where the chain is. */
export function onAssigned(
  view: RouteView,
  { index, reference, note }: { index: number; reference: string; note?: string | null },
): Message[] {
  const { memory, policy, at } = view
  const deposits = memory
    .list('deposit', policy.name)
    .filter(({ context }) => context.index === index && context.reference === null)
  const noted = note === undefined ? {} : { note }
  return [
    tell(addressId(policy.name, index), 'address.assigned', at, { reference, ...noted }),
    ...deposits.map(({ id }) => tell(id, 'address.assigned', at, { reference })),
    ...deposits.map(({ id }) => tell(id, 'height.reached', at, { height: tipOf(view) })),
  ]
}

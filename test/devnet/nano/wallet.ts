/** Somebody who has an account on a simulated nano node: signed blocks with work. */
import { addressOf, accountKeyOf } from '../../../adapters/nano/address.ts'
import { ZERO_HASH } from '../../../adapters/nano/block.ts'
import { publicKeyFor } from '../../../adapters/nano/ed25519.ts'
import type { LatticeBlock, SignedBlock } from '../../../src/devnet/nano/block.ts'
import type { SimulatedNano } from '../../../src/devnet/nano/node.ts'

interface NanoWallet {
  address: string
  /** The send with this hash, on top of the account's head or of `previous`. */
  receive: (hash: string, on?: { previous: LatticeBlock }) => SignedBlock
  /** On top of the account's head. */
  send: (to: string, raw: bigint) => SignedBlock
}

/** @param number tells one wallet from another */
export function createNanoWallet(node: SimulatedNano, number: number): NanoWallet {
  const { network } = node.lattice
  const secret = new Uint8Array(32).fill(number)
  const address = addressOf(publicKeyFor(secret), network)
  const complete = (head: LatticeBlock | undefined, balance: bigint, link: string): SignedBlock =>
    node.complete(
      {
        ...{ type: 'state', account: address, representative: head?.block.representative ?? address, link },
        ...{ previous: head?.hash ?? ZERO_HASH, balance: String(balance) },
      },
      secret,
    )
  return {
    address,
    receive(hash, on) {
      const head = on?.previous ?? node.lattice.head(address)
      return complete(head, (head?.balance ?? 0n) + node.lattice.blocks.get(hash)!.amount, hash)
    },
    send(to, raw) {
      const head = node.lattice.head(address)
      const link = Buffer.from(accountKeyOf(to, network)).toString('hex').toUpperCase()
      return complete(head, head!.balance - raw, link)
    },
  }
}

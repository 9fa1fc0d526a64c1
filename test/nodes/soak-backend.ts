/**
 * The exchange's own backend, with its own book: who was told which address, what was credited under which id, what was
 * asked for. Its book survives the watcher's ledger, so it notices whatever a later ledger tells otherwise.
 */
import assert from 'node:assert/strict'
import { PATIENCE_MS } from '../patience.ts'
import { CHAIN, type Answer, type Resource, type System, type Wish } from './system.ts'

type Api = Pick<System, 'get' | 'put' | 'insist' | 'withdraw'>

interface Offered extends Resource {
  address: string
}

export interface Backend {
  /** Of its book, or a new one from the watcher. */
  address(reference: string): Promise<string>
  withdraw(id: string, wish: Wish): Promise<void>
  /** Credits what is confirmed, takes back what is reversed. */
  creditOffered(): Promise<void>
  /** From now on nothing is asked of the watcher: its ledger is lost, and whatever runs next knows less than we do. */
  suspend(): void
  /** A new ledger, or an older one, gets back what only we know. */
  restore(): Promise<void>
  resume(): void
  /** Rejects with what the ledger and the book do not agree on. */
  check(deposits: readonly Resource[], withdrawals: readonly Resource[]): void
  /** Deposits that were offered again after they had been credited. */
  offeredAgain(): number
}

interface Book {
  addresses: Map<string, string>
  /** The same the other way round: an address belongs to one reference for ever. */
  owners: Map<string, string>
  wishes: Map<string, Wish>
  credited: Map<string, string>
  offeredAgain: number
}

/** Longer than the watcher is ever away: a rebuild, killed on its way and begun again. */
const AWAY_MS = 3 * PATIENCE_MS

const lineOf = ({ address, amount }: Offered): string => `${address} ${amount}`

function note({ addresses, owners }: Book, reference: string, address: string): void {
  const [owner, known] = [owners.get(address) ?? reference, addresses.get(reference) ?? address]
  assert.equal(owner, reference, `${address} was given to a second reference`)
  assert.equal(known, address, `${reference} was given a second address`)
  owners.set(address, reference)
  addresses.set(reference, address)
}

/** The id is a fact of the chain: under it there is one payment, whichever ledger offers it. */
async function credit({ put }: Api, book: Book, deposit: Offered): Promise<void> {
  const before = book.credited.get(deposit.id)
  assert.equal(before ?? lineOf(deposit), lineOf(deposit), `${deposit.id} was offered as something else before`)
  if (before !== undefined) book.offeredAgain++
  book.credited.set(deposit.id, lineOf(deposit))
  // The watcher may fall here; what was not acknowledged is offered again.
  await put(`/v1/deposits/${deposit.id}/credit`).catch(() => undefined)
}

function check({ credited, wishes }: Book, deposits: readonly Offered[], withdrawals: readonly Resource[]): void {
  assert.deepEqual(
    new Map([...credited].sort()),
    new Map(deposits.map(deposit => [deposit.id, lineOf(deposit)] as const).sort()),
    "the backend's credits and the ledger's deposits",
  )
  assert.deepEqual(
    (withdrawals as (Resource & { to: string })[]).map(({ id, to, amount }) => `${id} ${to} ${amount}`).sort(),
    [...wishes].map(([id, { to, amountSat }]) => `${id} ${to} ${amountSat}`).sort(),
    'what was asked for and the withdrawals of the ledger',
  )
}

export function openBackend(api: Api): Backend {
  const book: Book = {
    addresses: new Map(),
    owners: new Map(),
    wishes: new Map(),
    credited: new Map(),
    offeredAgain: 0,
  }
  let open = () => {}
  let opened = Promise.resolve()

  /** An answer of a ledger that is lost by now is none. */
  const whenOpen = <Body>(ask: () => Promise<Answer<Body>>): Promise<Answer<Body>> =>
    api.insist(async () => {
      await opened
      return ask()
    }, AWAY_MS)

  const assign = (reference: string, body: object) =>
    api.put<{ address: string }>(`/v1/chains/${CHAIN}/addresses/${reference}`, body)

  const listed = async (state: string): Promise<Offered[]> => {
    const { items } = await api
      .get<{ items: Offered[] }>(`/v1/deposits?state=${state}&limit=1000`)
      .then(({ body }) => body)
      .catch(() => ({ items: [] }))
    return items
  }

  return {
    async address(reference) {
      const known = book.addresses.get(reference)
      if (known !== undefined) return known
      const { body } = await whenOpen(() => assign(reference, {}))
      note(book, reference, body.address)
      return body.address
    },
    async withdraw(id, wish) {
      book.wishes.set(id, wish)
      await whenOpen(() => api.withdraw(id, wish))
    },
    async creditOffered() {
      await opened
      for (const { id } of await listed('reversed')) book.credited.delete(id)
      for (const deposit of await listed('confirmed')) await credit(api, book, deposit)
    },
    suspend() {
      opened = new Promise(resolve => (open = resolve))
    },
    async restore() {
      for (const [reference, address] of book.addresses) {
        const { body } = await api.insist(() => assign(reference, { address, dataField: null }))
        note(book, reference, body.address)
      }
      for (const [id, wish] of book.wishes) await api.insist(() => api.withdraw(id, wish))
    },
    resume: () => open(),
    check: (deposits, withdrawals) => check(book, deposits as readonly Offered[], withdrawals),
    offeredAgain: () => book.offeredAgain,
  }
}

/** Transfers, their attempts, withdrawals and their voids, as rows of fingerprints and numbers: no entry is an object. */
import { bytesColumn, type Column, longColumn, numberColumn, shortColumn, wordColumn } from '../../kernel/columns.ts'
import { firstThat } from '../../kernel/bisect.ts'
import { createTable } from '../../kernel/table.ts'
import { KEY_BYTES, MARK_BYTES, type SignedFact, type TokenCost } from './facts.ts'

/** What is kept of a withdrawal that was signed for; `chain` by its number. */
export interface SignedWithdrawal {
  chain: number
  terms: Uint8Array
  templates: { attempt: number; round: number; seq: number }[]
}

/** The withdrawals that one attempt pays, each with the round for which it does. */
export interface PaidBy {
  count: number
  pays(withdrawal: Uint8Array, round: number): boolean
  areVoidedOn(chain: number): boolean
}

/** Of the native asset, and of tokens. */
export interface Costs {
  cost: bigint
  tokens: TokenCost[]
}

/** Attempts have numbers in the order of signing, from 0. Lists are in the order in which their members came. */
export interface SignedRecords {
  /** Answers by how much it is dearer than the transfer's attempts before: only one of them can confirm. */
  sign(fact: SignedFact): Costs
  raise(withdrawal: Uint8Array, round: number): void
  void(record: { chain: number; withdrawal: Uint8Array; round: number; seq: number }): void
  roundOf(withdrawal: Uint8Array): number
  /** Attempt `n` of a transfer. */
  attempt(transfer: Uint8Array, n: number): number | undefined
  attemptsOf(transfer: Uint8Array): number[]
  costOf(transfer: Uint8Array): bigint
  tokenCostOf(transfer: Uint8Array, asset: number): bigint
  /** The first attempt that spends what this marks, where that bound it to the transfer. */
  boundBy(mark: Uint8Array): number | undefined
  paidBy(attempt: number): PaidBy
  marksOf(attempt: number): Uint8Array[]
  seqOf(attempt: number): number
  /** Sequences of what was signed and voided on a chain, above `after`, rising. */
  promisedOn(chain: number, after: number, limit: number): number[]
  withdrawal(withdrawal: Uint8Array): SignedWithdrawal | undefined
  voidsOf(withdrawal: Uint8Array): { chain: number; round: number; seq: number }[]
}

/** Rows that hang on each other: each list knows its last row, each row the one before. Row numbers stand plus one, 0 is none. */
function createLists() {
  const before = wordColumn()
  let count = 0
  return {
    size: () => count,
    add: (last: number): number => {
      before.set(count, last)
      return ++count
    },
    rows(last: number): number[] {
      const rows: number[] = []
      for (let at = last; at !== 0; at = before.get(at - 1)) rows.push(at - 1)
      return rows.reverse()
    },
  }
}

/** Rows whose sequences rise. */
interface Promises {
  size: () => number
  seq: Column<number>
  chain: Column<number>
}

interface PromisesPage {
  chain: number
  after: number
  limit: number
}

function seqsIn(rows: Promises, { chain, after, limit }: PromisesPage): number[] {
  const found: number[] = []
  const count = rows.size()
  for (let n = firstThat(count, at => rows.seq.get(at) > after); n < count && found.length < limit; n++)
    if (rows.chain.get(n) === chain) found.push(rows.seq.get(n))
  return found
}

const promisedIn = (tables: readonly Promises[], page: PromisesPage): number[] =>
  tables
    .flatMap(rows => seqsIn(rows, page))
    .sort((a, b) => a - b)
    .slice(0, page.limit)

function createVoids() {
  const rows = { ...createLists(), chain: shortColumn(), round: numberColumn(), seq: numberColumn() }
  return {
    ...rows,
    /** Behind the last one of its withdrawal; answers which is the last now. */
    take(last: number, { chain, round, seq }: { chain: number; round: number; seq: number }): number {
      const link = rows.add(last)
      rows.chain.set(link - 1, chain)
      rows.round.set(link - 1, round)
      rows.seq.set(link - 1, seq)
      return link
    },
    listed: (last: number) =>
      rows.rows(last).map(at => ({ chain: rows.chain.get(at), round: rows.round.get(at), seq: rows.seq.get(at) })),
  }
}

/** Of what is stored of a signature that pays one withdrawal, with its position; voids take half of it. */
const BYTES_A_TRANSFER = 120
const BYTES_A_WITHDRAWAL = 90

/** Of its number within a key. */
const ASSET_BYTES = 4

/** What the dearest attempt of a transfer costs of each token. */
function createTokenCosts() {
  const table = createTable(KEY_BYTES + ASSET_BYTES)
  const columns = { low: longColumn(), high: longColumn() }
  const keyOf = (transfer: Uint8Array, asset: number): Buffer => {
    const key = Buffer.alloc(KEY_BYTES + ASSET_BYTES)
    key.set(transfer)
    key.writeUInt32LE(asset, KEY_BYTES)
    return key
  }
  const costOf = (transfer: Uint8Array, asset: number): bigint => {
    const row = table.find(keyOf(transfer, asset), 0)
    return row === -1 ? 0n : columns.low.get(row) | (columns.high.get(row) << 64n)
  }
  return {
    costOf,
    /** Answers by how much it is dearer. */
    raise(transfer: Uint8Array, { asset, cost }: TokenCost): bigint {
      const before = costOf(transfer, asset)
      if (cost <= before) return 0n
      const row = table.add(keyOf(transfer, asset), 0)
      columns.low.set(row, BigInt.asUintN(64, cost))
      columns.high.set(row, cost >> 64n)
      return cost - before
    },
  }
}

/** Which attempt was the first to spend a key that belongs to its transfer from then on. */
function createBonds() {
  const table = createTable(MARK_BYTES)
  return {
    boundBy: (mark: Uint8Array): number | undefined => {
      const entry = table.find(mark, 0)
      return entry === -1 ? undefined : table.value(entry)
    },
    bind(marks: Uint8Array, attempt: number): void {
      for (let at = 0; at < marks.length; at += MARK_BYTES)
        if (table.find(marks, at) === -1) table.setValue(table.add(marks, at), attempt)
    },
  }
}

function createTransfers(expected: number) {
  const table = createTable(KEY_BYTES, expected)
  const columns = { low: longColumn(), high: longColumn(), last: wordColumn() }
  const columnsOfAttempts = { n: shortColumn(), seq: numberColumn(), chain: shortColumn(), marksEnd: wordColumn() }
  const attempts = { ...createLists(), ...columnsOfAttempts }
  const marks = bytesColumn(MARK_BYTES)
  let marksCount = 0
  const [tokenCosts, bonds] = [createTokenCosts(), createBonds()]
  const find = (transfer: Uint8Array) => table.find(transfer, 0)
  const costAt = (row: number) => columns.low.get(row) | (columns.high.get(row) << 64n)
  const attemptsOf = (transfer: Uint8Array): number[] => {
    const row = find(transfer)
    return row === -1 ? [] : attempts.rows(columns.last.get(row))
  }
  return {
    attempts,
    attemptsOf,
    seqOf: (attempt: number) => attempts.seq.get(attempt),
    attempt: (transfer: Uint8Array, n: number) => attemptsOf(transfer).find(attempt => attempts.n.get(attempt) === n),
    costOf(transfer: Uint8Array): bigint {
      const row = find(transfer)
      return row === -1 ? 0n : costAt(row)
    },
    marksOf(attempt: number): Uint8Array[] {
      const first = attempt === 0 ? 0 : attempts.marksEnd.get(attempt - 1)
      return Array.from({ length: attempts.marksEnd.get(attempt) - first }, (_, n) => marks.get(first + n))
    },
    tokenCostOf: tokenCosts.costOf,
    boundBy: bonds.boundBy,
    add(fact: SignedFact): { attempt: number; dearer: Costs } {
      const { chain, transfer, n, seq, cost, marks: told } = fact
      const known = find(transfer)
      const isNew = known === -1
      const row = isNew ? table.add(transfer, 0) : known
      const before = isNew ? 0n : costAt(row)
      const link = attempts.add(isNew ? 0 : columns.last.get(row))
      const attempt = link - 1
      columns.last.set(row, link)
      attempts.n.set(attempt, n)
      attempts.seq.set(attempt, seq)
      attempts.chain.set(attempt, chain)
      for (let at = 0; at < told.length; at += MARK_BYTES) marks.set(marksCount++, told.subarray(at, at + MARK_BYTES))
      attempts.marksEnd.set(attempt, marksCount)
      const most = cost > before ? cost : before
      columns.low.set(row, BigInt.asUintN(64, most))
      columns.high.set(row, most >> 64n)
      if (fact.isBinding) bonds.bind(told, attempt)
      const tokens = fact.tokens.map(each => ({ asset: each.asset, cost: tokenCosts.raise(transfer, each) }))
      return { attempt, dearer: { cost: most - before, tokens } }
    },
  }
}

/** `chain` stands plus one: 0 as long as nothing was signed. */
function createWithdrawals(expected: number) {
  const table = createTable(KEY_BYTES, expected)
  const columns = {
    round: numberColumn(),
    chain: shortColumn(),
    terms: bytesColumn(MARK_BYTES),
    lastTemplate: wordColumn(),
    lastVoid: wordColumn(),
  }
  return {
    ...columns,
    /** Null where it is unknown. */
    find(withdrawal: Uint8Array): number | null {
      const row = table.find(withdrawal, 0)
      return row === -1 ? null : row
    },
    /** Made where it is new. */
    rowOf(withdrawal: Uint8Array): number {
      const known = table.find(withdrawal, 0)
      if (known !== -1) return known
      const row = table.add(withdrawal, 0)
      for (const column of [columns.round, columns.chain, columns.lastTemplate, columns.lastVoid]) column.set(row, 0)
      return row
    },
  }
}

/** Which attempt pays which withdrawal, in which round. Those of one attempt stand together. */
function createTemplates() {
  const rows = { ...createLists(), attempt: wordColumn(), round: numberColumn(), withdrawal: wordColumn() }
  const ends = wordColumn()
  return {
    ...rows,
    /** Behind the last one of its withdrawal; answers which is the last now. */
    take(last: number, { attempt, round, row }: { attempt: number; round: number; row: number }): number {
      const link = rows.add(last)
      rows.attempt.set(link - 1, attempt)
      rows.round.set(link - 1, round)
      rows.withdrawal.set(link - 1, row)
      return link
    },
    /** No more of this attempt come. */
    end: (attempt: number) => ends.set(attempt, rows.size()),
    of(attempt: number): { row: number; round: number }[] {
      const first = attempt === 0 ? 0 : ends.get(attempt - 1)
      return Array.from({ length: ends.get(attempt) - first }, (_, n) => ({
        row: rows.withdrawal.get(first + n),
        round: rows.round.get(first + n),
      }))
    },
  }
}

/** Empty. `expectedBytes`: of facts that are about to be taken in, for which room is made at once. */
export function createSignedRecords(expectedBytes = 0): SignedRecords {
  const transfers = createTransfers(expectedBytes / BYTES_A_TRANSFER)
  const columns = createWithdrawals(expectedBytes / BYTES_A_WITHDRAWAL)
  const templates = createTemplates()
  const voids = createVoids()
  const find = (withdrawal: Uint8Array) => columns.find(withdrawal)
  const rowOf = (withdrawal: Uint8Array) => columns.rowOf(withdrawal)

  const voidsAt = (row: number) => voids.listed(columns.lastVoid.get(row))

  const raiseAt = (row: number, round: number) => columns.round.set(row, Math.max(columns.round.get(row), round))

  const sign: SignedRecords['sign'] = fact => {
    const { attempt, dearer } = transfers.add(fact)
    for (const { withdrawal, round, terms } of fact.intents) {
      const row = rowOf(withdrawal)
      columns.lastTemplate.set(row, templates.take(columns.lastTemplate.get(row), { attempt, round, row }))
      columns.chain.set(row, fact.chain + 1)
      columns.terms.set(row, terms)
      raiseAt(row, round)
    }
    templates.end(attempt)
    return dearer
  }

  const withdrawal: SignedRecords['withdrawal'] = key => {
    const row = find(key)
    if (row === null || columns.chain.get(row) === 0) return undefined
    const rows = templates.rows(columns.lastTemplate.get(row))
    const described = rows.map(at => {
      const attempt = templates.attempt.get(at)
      return { attempt, round: templates.round.get(at), seq: transfers.seqOf(attempt) }
    })
    return { chain: columns.chain.get(row) - 1, terms: columns.terms.get(row), templates: described }
  }

  const paidBy: SignedRecords['paidBy'] = attempt => {
    const paid = templates.of(attempt)
    return {
      count: paid.length,
      pays: (key, round) => paid.some(each => each.row === find(key) && each.round === round),
      areVoidedOn: chain =>
        paid.every(({ row, round }) => voidsAt(row).some(each => each.chain === chain && each.round >= round)),
    }
  }

  const voidsOf: SignedRecords['voidsOf'] = key => {
    const row = find(key)
    return row === null ? [] : voidsAt(row)
  }

  return {
    sign,
    raise: (withdrawal, round) => raiseAt(rowOf(withdrawal), round),
    void({ withdrawal: key, ...record }) {
      const row = rowOf(key)
      columns.lastVoid.set(row, voids.take(columns.lastVoid.get(row), record))
    },
    roundOf(key) {
      const row = find(key)
      return row === null ? 0 : columns.round.get(row)
    },
    ...transfers,
    promisedOn: (chain, after, limit) => promisedIn([transfers.attempts, voids], { chain, after, limit }),
    paidBy,
    withdrawal,
    voidsOf,
  }
}

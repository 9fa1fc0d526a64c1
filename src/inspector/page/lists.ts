/** The kinds that the API lists, and how their rows read. */
export interface Listed {
  kind: string
  /** In the address of the page and in the API's path. */
  name: string
  title: string
}

export const LISTED: readonly Listed[] = [
  { kind: 'deposit', name: 'deposits', title: 'Deposits' },
  { kind: 'withdrawal', name: 'withdrawals', title: 'Withdrawals' },
  { kind: 'transfer', name: 'transfers', title: 'Transfers' },
]

export const listedAs = (kind: string): Listed | undefined => LISTED.find(one => one.kind === kind)
export const listedUnder = (name: string): Listed | undefined => LISTED.find(one => one.name === name)

/** Any row of these lists; what a kind has not is absent. */
export interface Row {
  id: string
  chain: string
  state: string
  reason: string | null
  updatedAt: string
  revision: number
  asset?: string
  amount?: string
  reference?: string | null
  address?: string
  to?: string
  purpose?: string
  withdrawals?: string[]
  confirmations: number
  required: number
}

/** Both descriptions, as generators of clients read them. */
import { describe, expect, test } from 'vitest'
import { operationIdOf } from '../../src/http/openapi.ts'
import { renderSignerApi } from '../../src/signer-api/description.ts'
import { renderApi } from '../../src/watcher/api.ts'

interface Operation {
  operationId: string
  parameters?: { name: string; in: string; schema: object }[]
  responses: Record<string, unknown>
}
interface Description {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, { properties: Record<string, { enum?: string[] }> }> }
}

const descriptions = async () => [JSON.parse(await renderApi()), JSON.parse(renderSignerApi())] as Description[]
const operationsOf = ({ paths }: Description) => Object.values(paths).flatMap(methods => Object.values(methods))

test.each([
  ['GET', '/v1/deposits', 'getDeposits'],
  ['GET', '/v1/deposits/{id}', 'getDeposit'],
  ['PUT', '/v1/chains/{chain}/addresses/{reference}', 'putChainAddress'],
  ['PUT', '/v1/chains/{chain}/address-pool', 'putChainAddressPool'],
  ['GET', '/openapi.json', 'getOpenapi'],
] as const)('%s %s is %s', (method, path, id) => {
  expect(operationIdOf({ method, path })).toBe(id)
})

describe('a description', () => {
  test('names each operation once, and says what a refusal looks like', async () => {
    for (const description of await descriptions()) {
      const operations = operationsOf(description)
      const ids = operations.map(({ operationId }) => operationId)
      expect(ids.length).toBeGreaterThan(9)
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids.filter(id => !/^(get|put)([A-Z][a-z]+)+$/.test(id))).toEqual([])
      expect(operations.filter(({ responses }) => !('4XX' in responses))).toEqual([])
    }
  })
  test('refers to nothing that is not there, and describes nothing that nobody refers to', async () => {
    for (const description of await descriptions()) {
      const text = JSON.stringify(description)
      const referred = new Set([...text.matchAll(/"\$ref":"([^"]*)"/g)].map(([, to]) => to!))
      const there = Object.keys(description.components.schemas).map(name => `#/components/schemas/${name}`)
      expect([...referred].sort()).toEqual(there.sort())
    }
  })
  test('has a name for what generators make types of, and words for states and kinds', async () => {
    const [{ components }] = (await descriptions()) as [Description]
    const { schemas } = components
    expect(Object.keys(schemas)).toEqual(
      expect.arrayContaining(['Address', 'Chain', 'Deposit', 'DepositEvent', 'Receipt', 'Transfer', 'Withdrawal']),
    )
    const signers = (await descriptions())[1]!.components.schemas
    expect(Object.keys(signers)).toEqual(expect.arrayContaining(['Intent', 'Policy', 'Receipt', 'StoredAttempt']))
    expect(schemas['Deposit']!.properties['state']!.enum).toEqual(expect.arrayContaining(['confirmed', 'reversed']))
    expect(schemas['WithdrawalEvent']!.properties['to']!.enum).toEqual(expect.arrayContaining(['paid', 'cancelled']))
  })
  test('has numbers where numbers are asked for', async () => {
    const [{ paths }] = (await descriptions()) as [Description]
    const { parameters } = paths['/v1/events']!['get']!
    const schemaOf = (name: string) => parameters!.find(parameter => parameter.name === name)!.schema
    expect(schemaOf('limit')).toEqual({ type: 'integer', minimum: 1, maximum: 1000, default: 100 })
    expect(schemaOf('wait')).toMatchObject({ type: 'integer', minimum: 0, maximum: 60, default: 0 })
  })
  test('says what each kind of a problem means', async () => {
    for (const { components } of await descriptions()) {
      const { description } = components.schemas['Problem']!.properties['kind'] as { description: string }
      expect(description).toMatch(/^- `not-creditable` \(409\): the deposit is not `confirmed`$/m)
      expect(description).toMatch(/^- `pool-empty` \(503\): /m)
    }
  })
})

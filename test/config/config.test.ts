import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { loadSignerConfig, loadWatcherConfig } from '../../src/config.ts'
import { NETWORKS } from '../../adapters/bitcoin/network.ts'
import { renderReference } from '../../src/config/reference.ts'
import { SIGNER_YAML, WATCHER_YAML } from '../../src/commands/templates.ts'

const chain = (more = '') =>
  `chains: { ltc: { family: bitcoin, network: litecoin-regtest, asset: LTC, node: { url: "http://h:1" }${more} } }`
const ethereum = (more = '') =>
  `chains: { eth: { family: ethereum, network: { chainId: 1 }, asset: ETH, node: { url: "http://h:1" }${more} } }`
const key = '/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg='
const uncomment = (yaml: string) => yaml.replaceAll(/^#(?= {2})/gm, '').replaceAll(/^#$/gm, '')

describe('watcher.yaml', () => {
  test('an empty file has every default', () => {
    expect(loadWatcherConfig('', '/etc/lk')).toEqual({
      listen: '127.0.0.1:4100',
      role: 'paying',
      dataDirectory: '/etc/lk/data/watcher',
      apiTokenFile: '/etc/lk/secrets/api-token',
      ledger: { engine: 'lowdb' },
      signer: { url: 'http://127.0.0.1:4200', tokenFile: '/etc/lk/secrets/signer-token' },
      notify: [],
      chains: {},
      retired: [],
    })
  })
  test('a chain with its required keys has every other default', () => {
    expect(loadWatcherConfig(chain(), '/').chains.ltc).toMatchObject({
      startHeight: 'latest',
      watch: 'blocks',
      confirmations: { credit: 3, final: 20 },
      addressPool: { low: 10, high: 20 },
      fees: { target: 3, fallbackRate: 2, maximumRate: 500 },
      batch: { windowMs: 0, maximum: 100 },
      replaceAfterMs: 600_000,
    })
  })
  test('one given key leaves the defaults beside it', () => {
    expect(loadWatcherConfig(chain(', fees: { target: 6 }'), '/').chains.ltc).toMatchObject({
      fees: { target: 6, fallbackRate: 2, maximumRate: 500 },
    })
  })
  const dogecoin = (more = '') => chain(more).replace('litecoin-regtest', 'dogecoin')
  test("fee rates are the network's", () => {
    expect(loadWatcherConfig(dogecoin(), '/').chains.ltc).toMatchObject({
      fees: { target: 3, fallbackRate: 1000, maximumRate: 50_000 },
    })
    expect(() => loadWatcherConfig(dogecoin(', fees: { maximumRate: 500, fallbackRate: 500 }'), '/')).toThrow(
      'chains.ltc.fees.maximumRate: must not be below 1000: dogecoin takes nothing cheaper',
    )
  })
  test.each(Object.values(NETWORKS))(
    '$name: its defaults are in order, and the signer signs what they allow',
    network => {
      const { minimumRate, fallbackRate, maximumRate, maximumFeeSat } = network.fees
      expect(minimumRate).toBeLessThanOrEqual(fallbackRate)
      expect(fallbackRate).toBeLessThan(maximumRate)
      const yaml = `chains: { c: { family: bitcoin, network: ${network.name}, asset: A } }`
      expect(loadSignerConfig(yaml, '/').chains.c!.policy).toEqual({
        maximumFeeRate: maximumRate,
        maximumFee: String(maximumFeeSat),
      })
      // A batch of a hundred is about 10 kvB: at the fallback's rate it must be far from the cap.
      expect(BigInt(fallbackRate) * 50_000n).toBeLessThan(maximumFeeSat)
    },
  )
  test("a node's cookie may be missing: it comes and goes with the node", () => {
    const yaml = chain().replace('"http://h:1"', '"http://h:1", cookieFile: ./node/.cookie')
    const config = loadWatcherConfig(yaml, '/b', path => !path.endsWith('.cookie'))
    expect(config.chains.ltc!.node).toEqual({ url: 'http://h:1', cookieFile: '/b/node/.cookie' })
  })
  test('paths start at the file, sockets too', () => {
    const config = loadWatcherConfig(
      'listen: unix:./w.sock\nsigner: { url: unix:../s.sock }\ndataDirectory: /var/lk',
      '/etc/lk',
    )
    expect([config.listen, config.signer.url, config.dataDirectory]).toEqual([
      'unix:/etc/lk/w.sock',
      'unix:/etc/s.sock',
      '/var/lk',
    ])
  })
  test('all families of the written example load', () => {
    const config = loadWatcherConfig(uncomment(WATCHER_YAML), '/')
    expect(Object.keys(config.chains)).toEqual(['litecoin', 'ethereum', 'nano', 'ripple'])
    expect(config.chains.ethereum).toMatchObject({ confirmations: { credit: 'finalized', final: 64 } })
  })
  test('the example loads as it is written', () => {
    expect(loadWatcherConfig(WATCHER_YAML, '/').chains).toEqual({})
  })

  test.each([
    ['surprise: 1', 'surprise: unknown key'],
    ['listen: 5', 'listen: expected string'],
    ['listen: nonsense', 'listen: must be host:port'],
    ['listen: 127.0.0.1:70000', 'listen: the port is above 65535'],
    ['ledger: { engine: sqlite }', 'ledger.engine: must be lowdb or postgres'],
    ['ledger: { engine: postgres }', 'ledger.urlFile: is missing'],
    ['signer: { url: ftp://x }', 'signer.url: must be http://'],
    ['signer: { url: "http://u:p@h" }', 'signer.url: must not hold credentials'],
    ['signer: { tls: { ca: a, cert: b, key: c } }', 'signer.tls: goes with a url that starts with https://'],
    ['chains: []', 'chains: expected record'],
    ['chains: { "a:b": {} }', 'chains.a:b: must be a name of'],
    ['chains: { x: {} }', 'chains.x.family: must be bitcoin, ethereum, nano or ripple'],
    ['chains: { x: { family: solana } }', 'chains.x.family: must be bitcoin, ethereum, nano or ripple'],
    ['chains: { x: { family: nano, network: nano-dev, asset: XNO } }', 'chains.x.node: is missing'],
    [chain(', fee: 1'), 'chains.ltc.fee: unknown key'],
    [chain(', fees: { target: soon }'), 'chains.ltc.fees.target: expected number'],
    [chain(', fees: { target: 0 }'), 'chains.ltc.fees.target: '],
    [chain(', fees: { target: 1.5 }'), 'chains.ltc.fees.target: expected int'],
    [chain(', fees: { fallbackRate: 900 }'), 'chains.ltc.fees.fallbackRate: must not be above maximumRate'],
    [chain(', fees: { maximumRate: .inf }'), 'chains.ltc.fees.maximumRate: '],
    [chain(', minimumDeposit: 1000'), 'chains.ltc.minimumDeposit: must be a string of digits'],
    [chain(', minimumDeposit: "-1"'), 'chains.ltc.minimumDeposit: must be a decimal integer'],
    [chain(', minimumDeposit: "1.5"'), 'chains.ltc.minimumDeposit: must be a decimal integer'],
    [chain(', confirmations: { credit: 30 }'), 'chains.ltc.confirmations.credit: must not be above final'],
    [chain(', confirmations: { credit: finalized }'), 'chains.ltc.confirmations.credit: expected number'],
    [chain(', startHeight: soon'), 'chains.ltc.startHeight: must be a height, or latest'],
    [chain(', addressPool: { low: 50 }'), 'chains.ltc.addressPool.low: must not be above high'],
    [chain().replace('litecoin-regtest', 'ltc'), 'chains.ltc.network: must be one of '],
    [
      chain().replace('"http://h:1"', '"http://h:1", username: u'),
      'chains.ltc.node.username: username and passwordFile go together',
    ],
    [ethereum(', confirmations: { credit: soon }'), 'chains.eth.confirmations.credit: must be a depth, or finalized'],
    [
      ethereum(', tokens: [ { asset: ETH, contract: "0x0000000000000000000000000000000000000001" } ]'),
      'chains.eth.tokens.0.asset: ETH is named twice',
    ],
    [ethereum(', tokens: [ { asset: A, contract: "0x1" } ]'), 'chains.eth.tokens.0.contract: must be 0x'],
    [ethereum(', sweep: { tokens: { A: "1" } }'), 'chains.eth.sweep.tokens.A: is not among tokens'],
    ['a: 1\na: 2', 'Map keys must be unique at line 2'],
    ['chains: {', 'at line 1'],
    ['- 1', 'the file: expected object'],
  ])('%s is refused', (yaml, message) => {
    expect(() => loadWatcherConfig(yaml, '/')).toThrow(message)
  })
  test('two names for one public network are refused', () => {
    const one = '{ family: nano, network: nano, asset: XNO, node: { url: "http://h:1" } }'
    expect(() => loadWatcherConfig(`chains: { a: ${one}, b: ${one} }`, '/')).toThrow(
      'chains.b.network: is also the network of chains.a',
    )
  })
  test('every missing file is named with its key', () => {
    const missing = (path: string) => !path.endsWith('password')
    const yaml = chain().replace('"http://h:1"', '"http://h:1", username: u, passwordFile: ./password')
    expect(() => loadWatcherConfig(yaml, '/b', missing)).toThrow(
      'chains.ltc.node.passwordFile: there is no file /b/password',
    )
    expect(() => loadWatcherConfig('', '/b', () => false)).toThrow(
      'apiTokenFile: there is no file /b/secrets/api-token',
    )
  })
  test('an alias bomb is refused', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]!}`).join(',')}]`),
    ]
    expect(() => loadWatcherConfig(bomb.join('\n'), '/')).toThrow('aliases')
  })
  test('a long list of errors is cut', () => {
    const yaml = Array.from({ length: 50 }, (_, at) => `k${at}: 1`).join('\n')
    expect(() => loadWatcherConfig(yaml, '/')).toThrow('and 45 more')
  })
})

describe('signer.yaml', () => {
  test('an empty file has every default', () => {
    expect(loadSignerConfig('', '/etc/lk')).toEqual({
      listen: '127.0.0.1:4200',
      limits: {
        addresses: { headroom: 200_000, perHour: 20_000 },
        ownTransfers: { headroom: 20_000, perHour: 10_000 },
        refusals: { headroom: 50_000, perHour: 20_000 },
        voids: { headroom: 100_000, perHour: 50_000 },
      },
      dataDirectory: '/etc/lk/data/signer',
      tokenFile: '/etc/lk/secrets/signer-token',
      keystore: { file: '/etc/lk/data/signer/keystore.json', passphraseEnv: 'LOCKKEEPER_PASSPHRASE' },
      chains: {},
    })
  })
  test('all families of the written example load', () => {
    const config = loadSignerConfig(uncomment(SIGNER_YAML).replace('BACKEND_KEY', key), '/')
    expect(Object.keys(config.chains)).toEqual(['litecoin', 'ethereum', 'nano', 'ripple'])
    expect(config.authorisation).toEqual({ required: true, keys: [key], approvals: 1 })
  })
  test('a passphrase file takes the place of the variable', () => {
    expect(loadSignerConfig('keystore: { passphraseFile: ./p }', '/b').keystore).toEqual({
      file: '/b/data/signer/keystore.json',
      passphraseFile: '/b/p',
    })
  })
  test.each([
    ['listen: 0.0.0.0:4200', 'listen: without tls the signer listens on loopback'],
    ['listen: 127.evil.example:4200', 'listen: without tls'],
    ['listen: localhost.evil.example:4200', 'listen: without tls'],
    [
      'keystore: { passphraseEnv: A, passphraseFile: b }',
      'keystore.passphraseFile: passphraseEnv and passphraseFile exclude each other',
    ],
    ['authorisation: {}', 'authorisation.keys: there are fewer keys than approvals'],
    ['authorisation: { keys: [ "abc" ] }', 'authorisation.keys.0: must be the base64 of a 32-byte'],
    [
      'authorisation: { keys: [ "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" ] }',
      'authorisation.keys.0: is no Ed25519 key',
    ],
    [`authorisation: { keys: [ "${key}", "${key}" ], approvals: 2 }`, 'authorisation.keys: a key is listed twice'],
    [`authorisation: { keys: [ "${key}" ], approvals: 2 }`, 'authorisation.keys: there are fewer keys than approvals'],
    ['tls: { ca: a, cert: b, key: c, clientFingerprints: [ "xy" ] }', 'tls.clientFingerprints.0: must be a SHA-256'],
    [
      'chains: { l: { family: bitcoin, network: litecoin, asset: LTC, policy: { perDay: 5 } } }',
      'chains.l.policy.perDay: must be a string of digits',
    ],
    [
      'chains: { l: { family: bitcoin, network: litecoin, asset: LTC, policy: { maximum: "5" } } }',
      'chains.l.policy.maximum: unknown key',
    ],
    [
      'chains: { n: { family: nano, network: nano, asset: XNO, policy: { maximumFee: "5" } } }',
      'chains.n.policy.maximumFee: unknown key',
    ],
  ])('%s is refused', (yaml, message) => {
    expect(() => loadSignerConfig(yaml, '/')).toThrow(message)
  })
  test('every missing file is named with its key', () => {
    expect(() => loadSignerConfig('', '/b', () => false)).toThrow(
      'keystore.file: there is no file /b/data/signer/keystore.json',
    )
  })
})

describe('the reference', () => {
  test('is not stale: npm run generate', async () => {
    expect(await readFile('docs/reference/configuration.md', 'utf8')).toBe(renderReference())
  })
  test('says what every key is for', () => {
    const rows = renderReference()
      .split('\n')
      .filter(line => line.startsWith('| `'))
    const silent = rows.filter(line => /\| {2}\|$/.test(line)).map(line => line.split('`')[1])
    expect(silent).toEqual([])
    expect(rows.length).toBeGreaterThan(80)
  })
})

describe('the environment', () => {
  const watcher = (yaml: string, environment: Record<string, string>) =>
    loadWatcherConfig(yaml, '/', undefined, environment)

  test('goes before the file, key by key, and leaves the rest', () => {
    const yaml = chain(', fees: { target: 6, maximumRate: 90 }')
    const config = watcher(`listen: 127.0.0.1:1\n${yaml}`, {
      LOCKKEEPER_WATCHER_LISTEN: '127.0.0.1:2',
      LOCKKEEPER_WATCHER_DATA_DIRECTORY: './elsewhere',
      LOCKKEEPER_WATCHER_CHAINS__LTC__NODE__URL: 'http://other:1',
      LOCKKEEPER_WATCHER_CHAINS__LTC__FEES__TARGET: '2',
      LOCKKEEPER_WATCHER_CHAINS__LTC__MINIMUM_DEPOSIT: '1000',
      LOCKKEEPER_WATCHER_CHAINS__LTC__START_HEIGHT: '17',
      LOCKKEEPER_SIGNER_LISTEN: 'not ours',
      LOCKKEEPER_PASSPHRASE: 'nor this',
    })
    expect(config).toMatchObject({ listen: '127.0.0.1:2', dataDirectory: '/elsewhere' })
    expect(config.chains.ltc).toMatchObject({
      ...{ node: { url: 'http://other:1' }, minimumDeposit: '1000', startHeight: 17 },
      fees: { target: 2, maximumRate: 90 },
    })
  })
  test('can be all there is: chains, objects, lists and their elements', () => {
    const config = watcher('', {
      LOCKKEEPER_WATCHER_CHAINS__ETHEREUM__FAMILY: 'ethereum',
      LOCKKEEPER_WATCHER_CHAINS__ETHEREUM__NETWORK__CHAINID: '1',
      LOCKKEEPER_WATCHER_CHAINS__ETHEREUM__ASSET: 'ETH',
      LOCKKEEPER_WATCHER_CHAINS__ETHEREUM__NODE: '{ url: "http://n:1" }',
      LOCKKEEPER_WATCHER_CHAINS__ETHEREUM__TOKENS__0__ASSET: 'USDT',
      LOCKKEEPER_WATCHER_CHAINS__ETHEREUM__TOKENS__0__CONTRACT: `0x${'1'.repeat(40)}`,
      LOCKKEEPER_WATCHER_CHAINS__ETHEREUM__SWEEP__TOKENS__USDT: '5000',
      LOCKKEEPER_WATCHER_RETIRED: '[bitcoin, dogecoin]',
    })
    expect(config.retired).toEqual(['bitcoin', 'dogecoin'])
    expect(config.chains.ethereum).toMatchObject({
      ...{ family: 'ethereum', network: { chainId: 1 }, node: { url: 'http://n:1' } },
      ...{ tokens: [{ asset: 'USDT' }], sweep: { tokens: { USDT: '5000' } } },
    })
  })
  test('changes a limit of the signer like a line of its file', () => {
    const yaml = 'chains: { ltc-main: { family: bitcoin, network: litecoin, asset: LTC, policy: { perDay: "5" } } }'
    const variables = { LOCKKEEPER_SIGNER_CHAINS__LTC_MAIN__POLICY__PER_DAY: '7' }
    expect(loadSignerConfig(yaml, '/', undefined, variables).chains['ltc-main']!.policy.perDay).toBe('7')
  })
  test.each<[string, Record<string, string>, string]>([
    [
      'an unknown key',
      { CHAINS__LTC__FEES__TARGETS: '1' },
      'LOCKKEEPER_WATCHER_CHAINS__LTC__FEES__TARGETS: there is no key chains.ltc.fees.TARGETS',
    ],
    [
      'a wrong value',
      { CHAINS__LTC__POLL_MS: 'often' },
      'chains.ltc.pollMs: expected number, received string (from LOCKKEEPER_WATCHER_CHAINS__LTC__POLL_MS)',
    ],
    ['an empty value', { LISTEN: '' }, 'listen: must be host:port or unix:/path (from LOCKKEEPER_WATCHER_LISTEN)'],
    ['a key below text', { LISTEN__PORT: '1' }, 'LOCKKEEPER_WATCHER_LISTEN__PORT: there is no key listen.PORT'],
    [
      'an element beyond the next',
      { NOTIFY__1__URL: 'http://h' },
      'LOCKKEEPER_WATCHER_NOTIFY__1__URL: notify is a list of 0: the next one is number 0',
    ],
    ['a name of every object', { __PROTO____: '1' }, 'LOCKKEEPER_WATCHER___PROTO____: there is no key '],
    ['half a value of YAML', { RETIRED: '[a' }, 'LOCKKEEPER_WATCHER_RETIRED: '],
  ])('%s names the variable', (_, variables, message) => {
    const named = Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [`LOCKKEEPER_WATCHER_${name}`, value]),
    )
    expect(() => watcher(chain(), named)).toThrow(message)
  })
})

/** What `lockkeeper init` writes. Every example must load once its comment signs are taken away. */

export const WATCHER_YAML = `# The watcher. Paths are relative to this file; every key: docs/reference/configuration.md
listen: 127.0.0.1:4100
dataDirectory: ./data/watcher
apiTokenFile: ./secrets/api-token
ledger: { engine: lowdb }
signer:
  url: http://127.0.0.1:4200
  tokenFile: ./secrets/signer-token
chains:
# A chain's name is free; it appears in ids and paths, and must be the same in signer.yaml.
#
#  litecoin:
#    family: bitcoin
#    network: litecoin-regtest
#    asset: LTC
#    node: { url: http://127.0.0.1:19443 }   # and username with passwordFile, or cookieFile
#    startHeight: latest
#    confirmations: { credit: 3, final: 20 }
#    minimumDeposit: "1000"
#    fees: { target: 3, fallbackRate: 2, maximumRate: 500 }
#
#  ethereum:
#    family: ethereum
#    network: { chainId: 31337 }
#    asset: ETH
#    node: { url: http://127.0.0.1:8545 }
#    confirmations: { credit: finalized, final: 64 }
#    tokens: [ { asset: USDT, contract: "0xdAC17F958D2ee523a2206206994597C13D831ec7", decimals: 6, minimumDeposit: "1000000" } ]
#    sweep: { minimum: "10000000000000000", tokens: { USDT: "5000000" } }
#
#  nano:
#    family: nano
#    network: nano-dev
#    asset: XNO
#    node: { url: http://127.0.0.1:17076 }
#    representative: nano_3e3j5tkog48pnny9dmfzj1r16pg8t1e76dz5tmac6iq689wyjfpiij4txtdo
#    work: { servers: [], local: true }
#    sweep: { minimum: "1000000000000000000000000" }
#
#  ripple:
#    family: ripple
#    network: { networkId: 0 }
#    asset: XRP
#    node: { url: http://127.0.0.1:5005 }
#    confirmations: { credit: 1, final: 1 }
`

export const SIGNER_YAML = `# The signer. Paths are relative to this file; every key: docs/reference/configuration.md
listen: 127.0.0.1:4200                      # loopback or unix:/path; anything else needs tls: { ca, cert, key }
dataDirectory: ./data/signer
tokenFile: ./secrets/signer-token
keystore: { file: ./data/signer/keystore.json, passphraseEnv: LOCKKEEPER_PASSPHRASE }
authorisation: { required: true, keys: [ "BACKEND_KEY" ], approvals: 1 }
chains:
#
#  litecoin:
#    family: bitcoin
#    network: litecoin-regtest
#    asset: LTC
#    policy: { maximumFeeRate: 500, maximumFee: "1000000", perTransaction: "500000000", perDay: "5000000000" }
#
#  ethereum:
#    family: ethereum
#    network: { chainId: 31337 }
#    asset: ETH
#    tokens: [ { asset: USDT, contract: "0xdAC17F958D2ee523a2206206994597C13D831ec7" } ]
#    policy: { maximumFee: "50000000000000000", gasFunding: "5000000000000000", perDay: "100000000000000000000", tokens: { USDT: { perDay: "1000000000000" } } }
#
#  nano:
#    family: nano
#    network: nano-dev
#    asset: XNO
#    representative: nano_3e3j5tkog48pnny9dmfzj1r16pg8t1e76dz5tmac6iq689wyjfpiij4txtdo
#    policy: { perDay: "1000000000000000000000000000000000" }
#
#  ripple:
#    family: ripple
#    network: { networkId: 0 }
#    asset: XRP
#    policy: { maximumFee: "100000", maximumTickets: 50, perDay: "1000000000" }
`

/** The most that a sub-path may bring, with all that it is built with, when an application bundles it. */
const limits = [
  { name: 'brokerlet', path: 'dist/index.js', import: '{ Broker, topic }', limit: '70 kB' },
  {
    name: 'brokerlet/testing',
    path: 'dist/testing/index.js',
    import: '{ TestBroker, matchers, brokerFixture }',
    limit: '84.9 kB',
  },
  {
    name: 'brokerlet/server, without a Broker',
    path: 'dist/server/index.js',
    import: '{ serve, socketFactory }',
    limit: '138.4 kB',
  },
  {
    name: 'brokerlet/kafka, without a Broker',
    path: 'dist/kafka/index.js',
    import: '{ connect }',
    limit: '64.2 kB',
  },
  {
    name: 'brokerlet/opentelemetry, without a Broker',
    path: 'dist/opentelemetry/index.js',
    import: '{ instrument }',
    limit: '10.1 kB',
  },
]

export default limits.map(limit => ({
  ...limit,
  ignore: ['@opentelemetry/api'],
  brotli: true,
  modifyEsbuildConfig: config => ({ ...config, platform: 'node' }),
}))

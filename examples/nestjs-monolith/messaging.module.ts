import { type DynamicModule, Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common'
import type { PubSub } from 'brokerlet'
import type { AppTopics } from './topics.ts'

/** The token to inject; every module types it with the topics that it uses. */
export const PUB_SUB = Symbol('PUB_SUB')

/** Provides the application's one broker to every module, and closes it at the end. */
@Global()
@Module({})
export class MessagingModule implements OnApplicationShutdown {
  readonly #pubsub: PubSub<AppTopics>

  constructor(@Inject(PUB_SUB) pubsub: PubSub<AppTopics>) {
    this.#pubsub = pubsub
  }

  static forRoot(pubsub: PubSub<AppTopics>): DynamicModule {
    return {
      module: MessagingModule,
      providers: [{ provide: PUB_SUB, useValue: pubsub }],
      exports: [PUB_SUB],
    }
  }

  // Closes every consumer of the modules, once it has finished the records in hand.
  async onApplicationShutdown(): Promise<void> {
    await this.#pubsub.close()
  }
}

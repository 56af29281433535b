import { Controller, Module } from '@nestjs/common'
import { MessagePattern, Payload } from '@nestjs/microservices'

/**
 * Answers with an article's price; the caller waits for it on the topic 'prices.reply'. It knows nothing of brokerlet.
 */
@Controller()
class PricesController {
  @MessagePattern('prices')
  price(@Payload() { article }: { article: string }): { article: string; price: number } {
    return { article, price: article.length }
  }
}

@Module({ controllers: [PricesController] })
export class PricesModule {}

// The driver of confluent-kafka-go.
package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	. "brokerlet/clients/driver"
)

var ctx = context.Background()

func open(address string, configs ...kafka.ConfigMap) *kafka.ConfigMap {
	merged := kafka.ConfigMap{"bootstrap.servers": address}
	for _, config := range configs {
		for name, value := range config {
			merged[name] = value
		}
	}
	return &merged
}

func consumer(address string, configs ...kafka.ConfigMap) *kafka.Consumer {
	defaults := kafka.ConfigMap{
		"group.id":           "billing",
		"auto.offset.reset":  "earliest",
		"enable.auto.commit": false,
		"fetch.wait.max.ms":  50,
	}
	return Must(kafka.NewConsumer(open(address, append([]kafka.ConfigMap{defaults}, configs...)...)))
}

// KIP-848 groups take the times of the broker.
func protocolOf(protocol string) kafka.ConfigMap {
	if protocol == "classic" {
		return kafka.ConfigMap{"heartbeat.interval.ms": 100}
	}
	return kafka.ConfigMap{"group.protocol": protocol}
}

func producer(address string, configs ...kafka.ConfigMap) *kafka.Producer {
	return Must(kafka.NewProducer(open(address, append([]kafka.ConfigMap{{"linger.ms": 0}}, configs...)...)))
}

func admin(address string) *kafka.AdminClient {
	return Must(kafka.NewAdminClient(open(address)))
}

var orders, payments = "orders", "payments"

func at(partition int32, offset kafka.Offset) kafka.TopicPartition {
	return kafka.TopicPartition{Topic: &orders, Partition: partition, Offset: offset}
}

// Sends them, and waits until each is delivered.
func send(writer *kafka.Producer, messages ...*kafka.Message) {
	delivered := make(chan kafka.Event, len(messages))
	for _, message := range messages {
		Check(writer.Produce(message, delivered))
	}
	for range messages {
		Check((<-delivered).(*kafka.Message).TopicPartition.Error)
	}
}

func next(reader *kafka.Consumer) *kafka.Message {
	return Must(reader.ReadMessage(-1))
}

// Hands each record to take until that says that it was the last, and commits them.
func read(reader *kafka.Consumer, topic string, take func(*kafka.Message) bool) {
	Check(reader.Subscribe(topic, nil))
	for !take(next(reader)) {
	}
	Must(reader.Commit())
}

func readValues(reader *kafka.Consumer, topic string, isLast func([]string) bool) []string {
	values := []string{}
	read(reader, topic, func(message *kafka.Message) bool {
		values = append(values, string(message.Value))
		return isLast(values)
	})
	return values
}

func roundTrip(address string, count int, codec string, config kafka.ConfigMap) Told {
	writer := producer(address, kafka.ConfigMap{"linger.ms": 50, "compression.type": codec}, config)
	defer writer.Close()
	var messages []*kafka.Message
	for _, value := range Values(count) {
		messages = append(messages, &kafka.Message{TopicPartition: at(0, 0), Value: []byte(value)})
	}
	send(writer, messages...)
	reader := consumer(address, config)
	defer reader.Close()
	return Told{"values": readValues(reader, orders, func(values []string) bool { return len(values) == count })}
}

func produce(address, _ string) Told {
	writer := producer(address)
	defer writer.Close()
	send(writer,
		&kafka.Message{TopicPartition: at(0, 0), Key: []byte("a"), Value: []byte("one"),
			Headers: []kafka.Header{{Key: "trace", Value: []byte("x")}}},
		&kafka.Message{TopicPartition: at(1, 0), Key: []byte("b"), Value: []byte("two")},
		&kafka.Message{TopicPartition: at(2, 0), Key: []byte("c")},
		&kafka.Message{TopicPartition: at(kafka.PartitionAny, 0), Key: []byte("d"), Value: []byte("four")},
	)
	return nil
}

func consume(address, protocol string) Told {
	reader := consumer(address, protocolOf(protocol))
	defer reader.Close()
	var records [][]any
	read(reader, orders, func(message *kafka.Message) bool {
		from := message.TopicPartition
		trace := string(message.Headers[0].Value)
		records = append(records, []any{from.Partition, from.Offset, string(message.Key), string(message.Value), trace})
		return len(records) == 99
	})
	return Told{"records": records}
}

func share(address, protocol string) Told {
	reader := consumer(address, protocolOf(protocol))
	defer reader.Close()
	Check(reader.Subscribe(orders, nil))
	values := []string{}
	for {
		message := next(reader)
		Must(reader.CommitMessage(message))
		if string(message.Value) == "stop" {
			return Told{"values": values}
		}
		values = append(values, string(message.Value))
	}
}

func rebalance(address, protocol string) Told {
	var members []*kafka.Consumer
	for range 3 {
		member := consumer(address, protocolOf(protocol))
		Check(member.Subscribe(orders, nil))
		members = append(members, member)
	}
	settle := func(those []*kafka.Consumer) [][]int {
		for {
			owned := make([][]int, len(those))
			for i, member := range those {
				if failure, is := member.Poll(20).(kafka.Error); is {
					panic(failure)
				}
				for _, each := range Must(member.Assignment()) {
					owned[i] = append(owned[i], int(each.Partition))
				}
			}
			if IsShared(owned) {
				return owned
			}
		}
	}
	three := settle(members)
	Check(members[0].Close())
	two := settle(members[1:])
	for _, member := range members[1:] {
		Check(member.Close())
	}
	return Told{"three": three, "two": two}
}

func seek(address, _ string) Told {
	reader := consumer(address)
	defer reader.Close()
	Check(reader.Assign([]kafka.TopicPartition{at(0, 0)}))
	next(reader)
	Check(reader.Seek(at(0, 7), 0))
	var offsets []kafka.Offset
	for range 3 {
		offsets = append(offsets, next(reader).TopicPartition.Offset)
	}
	return Told{"offsets": offsets}
}

func offsets(address, timestamp string) Told {
	reader := consumer(address)
	defer reader.Close()
	earliest, latest, err := reader.QueryWatermarkOffsets(orders, 0, 10_000)
	Check(err)
	time := kafka.Offset(Must(strconv.ParseInt(timestamp, 10, 64)))
	byTime := Must(reader.OffsetsForTimes([]kafka.TopicPartition{at(0, time)}, 10_000))
	Must(reader.CommitOffsets([]kafka.TopicPartition{at(0, 5)}))
	committed := Must(reader.Committed([]kafka.TopicPartition{at(0, 0)}, 10_000))
	return Told{"earliest": earliest, "latest": latest, "byTime": byTime[0].Offset, "committed": committed[0].Offset}
}

func reset(address, _ string) Told {
	reader := consumer(address)
	defer reader.Close()
	Check(reader.Subscribe(orders, nil))
	return Told{"first": next(reader).TopicPartition.Offset}
}

func transactions(address, _ string) Told {
	writer := producer(address, kafka.ConfigMap{"transactional.id": "matrix"})
	defer writer.Close()
	Check(writer.InitTransactions(ctx))
	pay := func(value string) {
		send(writer, &kafka.Message{
			TopicPartition: kafka.TopicPartition{Topic: &payments, Partition: kafka.PartitionAny},
			Value:          []byte(value),
		})
	}
	reader := consumer(address)
	Check(reader.Subscribe(orders, nil))
	for range 3 {
		message := next(reader)
		Check(writer.BeginTransaction())
		pay("paid " + string(message.Value))
		position := Must(reader.Position(Must(reader.Assignment())))
		Check(writer.SendOffsetsToTransaction(ctx, position, Must(reader.GetConsumerGroupMetadata())))
		Check(writer.CommitTransaction(ctx))
	}
	Check(reader.Close())
	Check(writer.BeginTransaction())
	pay("lost")
	Check(writer.AbortTransaction(ctx))
	Check(writer.BeginTransaction())
	pay("last")
	Check(writer.CommitTransaction(ctx))
	audit := consumer(address, kafka.ConfigMap{"group.id": "audit", "isolation.level": "read_committed"})
	defer audit.Close()
	return Told{"read": readValues(audit, payments, func(values []string) bool { return values[len(values)-1] == "last" })}
}

func withAdmin(work func(*kafka.AdminClient) Told) Action {
	return func(address, _ string) Told {
		client := admin(address)
		defer client.Close()
		return work(client)
	}
}

// Panics with the error of a result, which has a code where there is none.
func accept(failure kafka.Error) {
	if failure.Code() != kafka.ErrNoError {
		panic(failure)
	}
}

func acceptTopics(results []kafka.TopicResult, err error) {
	Check(err)
	for _, each := range results {
		accept(each.Error)
	}
}

func adminTopics(client *kafka.AdminClient) Told {
	acceptTopics(client.CreateTopics(ctx, []kafka.TopicSpecification{{
		Topic: "made", NumPartitions: 3, ReplicationFactor: 1, Config: map[string]string{"retention.ms": "60000"},
	}}))
	topics := Must(client.GetMetadata(nil, true, 10_000)).Topics
	listed := []string{}
	for name := range topics {
		listed = append(listed, name)
	}
	slices.Sort(listed)
	acceptTopics(client.CreatePartitions(ctx, []kafka.PartitionsSpecification{{Topic: "made", IncreaseTo: 5}}))
	acceptTopics(client.DeleteTopics(ctx, []string{"old"}))
	return Told{"listed": listed, "partitions": len(topics["made"].Partitions)}
}

func adminRecords(client *kafka.AdminClient) Told {
	deleted := Must(client.DeleteRecords(ctx, []kafka.TopicPartition{at(0, 4)}))
	Check(deleted.DeleteRecordsResults[0].TopicPartition.Error)
	return nil
}

func adminConfigs(client *kafka.AdminClient) Told {
	resource := kafka.ConfigResource{Type: kafka.ResourceTopic, Name: orders}
	retention := func() string {
		found := Must(client.DescribeConfigs(ctx, []kafka.ConfigResource{resource}))[0]
		accept(found.Error)
		return found.Config["retention.ms"].Value
	}
	before := retention()
	altered := resource
	altered.Config = []kafka.ConfigEntry{
		{Name: "retention.ms", Value: "120000", IncrementalOperation: kafka.AlterConfigOpTypeSet},
	}
	accept(Must(client.IncrementalAlterConfigs(ctx, []kafka.ConfigResource{altered}))[0].Error)
	return Told{"before": before, "after": retention()}
}

func adminGroups(client *kafka.AdminClient) Told {
	listed := []string{}
	for _, each := range Must(client.ListConsumerGroups(ctx)).Valid {
		listed = append(listed, each.GroupID)
	}
	described := Must(client.DescribeConsumerGroups(ctx, []string{"stale"})).ConsumerGroupDescriptions[0]
	accept(described.Error)
	found := Must(client.ListConsumerGroupOffsets(ctx, []kafka.ConsumerGroupTopicPartitions{{Group: "stale"}}))
	partitions := found.ConsumerGroupsTopicPartitions[0].Partitions
	first := slices.IndexFunc(partitions, func(each kafka.TopicPartition) bool { return each.Partition == 0 })
	deleted := Must(client.DeleteConsumerGroups(ctx, []string{"stale"}))
	accept(deleted.ConsumerGroupResults[0].Error)
	return Told{"listed": listed, "state": described.State.String(), "offset": partitions[first].Offset}
}

func adminOffsets(client *kafka.AdminClient) Told {
	to := []kafka.ConsumerGroupTopicPartitions{{Group: "stale", Partitions: []kafka.TopicPartition{at(0, 1)}}}
	altered := Must(client.AlterConsumerGroupOffsets(ctx, to))
	Check(altered.ConsumerGroupsTopicPartitions[0].Partitions[0].Error)
	return nil
}

func adminDeleteOffsets(*kafka.AdminClient) Told {
	panic(Missing("has no method for what librdkafka has"))
}

func codec(address, name string) Told {
	return roundTrip(address, 50, name, nil)
}

func sasl(address, mechanism string) Told {
	return roundTrip(address, 1, "none", kafka.ConfigMap{
		"security.protocol": "sasl_plaintext",
		"sasl.mechanisms":   mechanism,
		"sasl.username":     User,
		"sasl.password":     Password,
	})
}

func tls(address, _ string) Told {
	return roundTrip(address, 1, "none", kafka.ConfigMap{"security.protocol": "ssl", "ssl.ca.location": TLSCertificate})
}

func main() {
	_, librdkafka := kafka.LibraryVersion()
	version := fmt.Sprintf("%s (librdkafka %s)", VersionOf("github.com/confluentinc/confluent-kafka-go/v2"), librdkafka)
	Drive(version, map[string]Action{
		"produce":              produce,
		"consume":              consume,
		"share":                share,
		"rebalance":            rebalance,
		"seek":                 seek,
		"offsets":              offsets,
		"reset":                reset,
		"transactions":         transactions,
		"admin-topics":         withAdmin(adminTopics),
		"admin-records":        withAdmin(adminRecords),
		"admin-configs":        withAdmin(adminConfigs),
		"admin-groups":         withAdmin(adminGroups),
		"admin-offsets":        withAdmin(adminOffsets),
		"admin-delete-offsets": withAdmin(adminDeleteOffsets),
		"codec":                codec,
		"sasl":                 sasl,
		"tls":                  tls,
	})
}

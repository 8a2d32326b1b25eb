# Quotas and SCRAM credentials: set, described and removed with kafka-configs, for every kind of entity. Sourced by ./run.
# The values slow nobody down: other scenarios follow.

quota() { tool configs "$@"; }
# has TEXT how…: the description of an entity holds the text; hasnt: it doesn't.
has() { local text=$1; shift; says "$text" quota --describe "$@" >/dev/null || { cat "$scratch/says"; return 1; }; }
hasnt() { local text=$1; shift; ! has "$text" "$@" >/dev/null; }

# sets_and_removes KEY=VALUE SHOWN how…: a quota comes and goes.
sets_and_removes() {
  local setting=$1 shown=$2
  shift 2
  quota --alter --add-config "$setting" "$@" && has "$shown" "$@" &&
    quota --alter --delete-config "${setting%%=*}" "$@" && hasnt "$shown" "$@"
}

quotas_of_clients() {
  in_release "$1" client
  sets_and_removes producer_byte_rate=104857600 "client-id '$topic' are producer_byte_rate=1.048576E8" --entity-type clients --entity-name "$topic" &&
    sets_and_removes consumer_byte_rate=123456789 'the default client-id are consumer_byte_rate=1.23456789E8' --entity-type clients --entity-default
}

quotas_of_users() {
  in_release "$1" user
  sets_and_removes request_percentage=4000 "user-principal 'CN=$topic' are request_percentage=4000.0" --entity-type users --entity-name "CN=$topic" &&
    sets_and_removes controller_mutation_rate=5000.5 'the default user-principal are controller_mutation_rate=5000.5' --entity-type users --entity-default
}

quotas_of_users_clients() {
  in_release "$1" both
  sets_and_removes producer_byte_rate=987654321 "user-principal '$topic', client-id 'app' are producer_byte_rate=9.87654321E8" \
    --entity-type users --entity-name "$topic" --entity-type clients --entity-name app &&
    sets_and_removes producer_byte_rate=987654322 "user-principal '$topic', the default client-id are" \
      --entity-type users --entity-name "$topic" --entity-type clients --entity-default
}

quotas_of_addresses() {
  in_release "$1" address
  sets_and_removes connection_creation_rate=10000 "ip '10.1.2.3' are connection_creation_rate=10000.0" --entity-type ips --entity-name 10.1.2.3 &&
    sets_and_removes connection_creation_rate=10001 'the default ip are connection_creation_rate=10001.0' --entity-type ips --entity-default
}

quotas_that_are_none_are_refused() {
  in_release "$1" refused
  fails_saying 'must be a LONG value' quota --alter --entity-type clients --entity-name "$topic" --add-config producer_byte_rate=1.5
}

credentials_of_users() {
  in_release "$1" credentials
  quota --alter --add-config 'SCRAM-SHA-256=[iterations=5000,password=secret]' --entity-type users --entity-name "$topic" &&
    has "SCRAM credential configs for user-principal '$topic' are SCRAM-SHA-256=iterations=5000" --entity-type users --entity-name "$topic" &&
    fails_saying 'Attempt to delete a user credential that does not exist' \
      quota --alter --delete-config SCRAM-SHA-512 --entity-type users --entity-name "$topic" &&
    quota --alter --delete-config SCRAM-SHA-256 --entity-type users --entity-name "$topic" &&
    hasnt "SCRAM-SHA-256" --entity-type users --entity-name "$topic"
}

quotas=(quotas_of_clients quotas_of_users quotas_of_users_clients quotas_of_addresses quotas_that_are_none_are_refused
  credentials_of_users)

#!/bin/sh
# The REST interface with curl. Start a server (npm start), then: sh examples/rest.sh
set -eu
URI="${MILVUS_URI:-http://localhost:19530}"

call() {
  echo "$1"
  # A failure is answered with HTTP 200 and its own code in the body.
  answer=$(curl --silent --show-error --fail --request POST "$URI/v2/vectordb/$1" \
    --header "Authorization: Bearer user:password" --header "Content-Type: application/json" --data "$2")
  echo "  $answer"
  case "$answer" in *'"code":0'*) ;; *) exit 1 ;; esac
}

call collections/create '{"collectionName": "rest_kites", "dimension": 3}'
call aliases/create '{"collectionName": "rest_kites", "aliasName": "rest_current"}'
call aliases/describe '{"aliasName": "rest_current"}'

call entities/insert '{
  "collectionName": "rest_current",
  "data": [
    {"id": 1, "vector": [0.9, 0.1, 0.0], "color": "red"},
    {"id": 2, "vector": [0.1, 0.9, 0.0], "color": "green"}
  ]
}'
call entities/search '{
  "collectionName": "rest_current",
  "data": [[1, 0, 0]],
  "limit": 1,
  "outputFields": ["color"],
  "consistencyLevel": "Strong"
}'
call entities/query '{"collectionName": "rest_current", "filter": "color == \"green\"", "outputFields": ["id", "color"]}'
call entities/delete '{"collectionName": "rest_current", "filter": "id in [1]"}'

call aliases/drop '{"aliasName": "rest_current"}'
call collections/drop '{"collectionName": "rest_kites"}'

#!/usr/bin/env bash
# Deploys only the code of some functions: takes the stack's deployed template and replaces the functions' packages.
# CloudFormation leaves the other resources unchanged. CodeDeploy shifts traffic to the new versions as the stack's
# DeploymentPreference says, and rolls back if an alarm goes off.
#
#   tools/deployer/deploy.sh cantila-billing-prod summary plan-change
set -euo pipefail

stack=${1:?the name of the stack}
shift
packages=${PACKAGES:-target/lambda}

template=$(mktemp)
trap 'rm -f "$template" "$template.new"' EXIT
aws cloudformation get-template --stack-name "$stack" --template-stage Original \
    --query TemplateBody --output json > "$template"
# The CLI prints a YAML template as a JSON string.
if head -c 1 "$template" | grep -q '"'; then
    python3 -c 'import json, sys; print(json.load(sys.stdin))' < "$template" > "$template.new"
    mv "$template.new" "$template"
fi
# The bucket that `sam deploy` uploaded this stack's packages to.
bucket=$(grep -o 's3://[^/]*' "$template" | head -n 1)
: "${bucket:?the stack has no package in S3; deploy it with \`sam deploy\` first}"

swaps=()
for function in "$@"; do
    package=${PACKAGE:-$packages/$function.zip}
    digest=$(python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$package")
    location="$bucket/$stack/$function-$digest.zip"
    aws s3 cp --only-show-errors "$package" "$location"
    swaps+=(--package "$function=$location")
done

deployer swap ${AT_ONCE:+--at-once} "${swaps[@]}" < "$template" > "$template.new"
tags=()
[ -z "${COMMIT:-}" ] || tags=(--tags "commit=$COMMIT")
# Parameters keep their values because --parameter-overrides is absent.
aws cloudformation deploy --stack-name "$stack" --template-file "$template.new" \
    --s3-bucket "${bucket#s3://}" --s3-prefix "$stack" \
    --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset \
    "${tags[@]}"

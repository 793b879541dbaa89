#!/usr/bin/env bash
# Puts the code of the version before back behind a function's alias, at once and by CloudFormation, so that
# the stack knows of it. While a deployment is still shifting requests, that one is cancelled instead.
#
#   tools/deployer/rollback.sh cantila-billing-prod summary
set -euo pipefail

stack=${1:?the name of the stack}
function=${2:?the name of the function, such as summary}
name="$stack-$function"

status=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text)
if [ "$status" = UPDATE_IN_PROGRESS ]; then
    echo "a deployment is under way: it is cancelled, and everything in it goes back"
    aws cloudformation cancel-update-stack --stack-name "$stack"
    exec aws cloudformation wait stack-rollback-complete --stack-name "$stack"
fi

current=$(aws lambda get-alias --function-name "$name" --name live --query FunctionVersion --output text)
before=$(aws lambda list-versions-by-function --function-name "$name" --query 'Versions[].Version' --output text |
    tr '\t' '\n' | grep -v LATEST | sort -n | awk -v current="$current" '$1 < current' | tail -n 1)
: "${before:?there is no version before $current of $name}"
echo "$name goes back from version $current to the code of version $before"

package=$(mktemp)
trap 'rm -f "$package"' EXIT
url=$(aws lambda get-function --function-name "$name" --qualifier "$before" --query Code.Location --output text)
# The address is signed and so a secret for some minutes: not an argument.
curl --silent --show-error --fail --output "$package" --config - <<< "url = \"$url\""

# The alarms that its own code has set off must not hold the way back up.
PACKAGE=$package AT_ONCE=1 "$(dirname "$0")/deploy.sh" "$stack" "$function"

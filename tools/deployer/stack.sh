#!/usr/bin/env bash
# Deploys to a stack. Every command sends one change set to CloudFormation; none needs more than bash 5, the AWS CLI and
# `deployer`.
#
#   stack.sh deploy STACK ENVIRONMENT [FUNCTION…]   the template, ENVIRONMENT's parameters in samconfig.toml, and packages in $PACKAGES
#   stack.sh rollback STACK FUNCTION                the code of the alias `good`, or of the version in $VERSION
#   stack.sh use-table STACK TABLE                  another table, such as one restored from a backup
#   stack.sh good STACK                             marks the versions in service as good, after a smoke test
#
# AT_ONCE=1 shifts all traffic at once, without hook and alarms. COMMIT is recorded after a deployment.
# The stack of bootstrap.yaml has the stack's name with -bootstrap, or the name in BOOTSTRAP.
set -euo pipefail
[ "${BASH_VERSINFO[0]}" -ge 5 ] || { echo "stack.sh needs bash 5 or later; this is $BASH_VERSION" >&2 && exit 1; }
shopt -s inherit_errexit

command=${1:?the command} stack=${2:?the name of the stack}
shift 2
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints a line of the stack's outputs for each line: name, tab, value.
outputs_of() {
    aws cloudformation describe-stacks --stack-name "$1" --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]' --output text
}

declare -A bootstrap=()
read_bootstrap() {
    local name=${BOOTSTRAP:-$stack-bootstrap} outputs
    outputs=$(outputs_of "$name") || {
        echo "the stack $name is missing here; deploy bootstrap.yaml first (docs/operating.md#prepare-an-aws-account)" >&2
        exit 1
    }
    while IFS=$'\t' read -r key value; do bootstrap[$key]=$value; done <<< "$outputs"
}

# Uploads a package under its digest, and prints its URL. An equal package is already there.
upload() {
    local function=$1 package=$2 key
    key="packages/$function-$(sha256sum "$package" | cut -d ' ' -f 1).zip"
    aws s3api head-object --bucket "${bootstrap[ArtifactBucket]}" --key "$key" > "$work/head" 2> "$work/error" ||
        aws s3 cp --only-show-errors "$package" "s3://${bootstrap[ArtifactBucket]}/$key" >&2
    echo "s3://${bootstrap[ArtifactBucket]}/$key"
}

# Sends a change set with the template and parameters of `deployer compose`, and waits for it.
apply() {
    local status kind=UPDATE arguments=()
    if aws cloudformation describe-stacks --stack-name "$stack" --output json > "$work/stack.json" 2> "$work/error"; then
        status=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text)
    elif grep -q 'does not exist' "$work/error"; then
        status=NONE
    else
        cat "$work/error" >&2
        exit 1
    fi
    case $status in
    NONE | REVIEW_IN_PROGRESS) kind=CREATE ;;
    ROLLBACK_COMPLETE | ROLLBACK_FAILED)
        # Nothing of it was ever in service, and CloudFormation can only delete it.
        echo "deleting what the failed first deployment left"
        aws cloudformation delete-stack --stack-name "$stack"
        aws cloudformation wait stack-delete-complete --stack-name "$stack"
        kind=CREATE
        ;;
    UPDATE_ROLLBACK_FAILED)
        echo "a rollback of $stack failed; fix its cause, then run" \
            "\`aws cloudformation continue-update-rollback --stack-name $stack\`" >&2
        exit 1
        ;;
    *_IN_PROGRESS)
        echo "$stack is $status; wait for it, or run \`aws cloudformation cancel-update-stack --stack-name $stack\`" >&2
        exit 1
        ;;
    esac
    if [ "$kind" = UPDATE ]; then
        aws cloudformation get-template --stack-name "$stack" --template-stage Original --output json > "$work/deployed.json"
        arguments=(--stack "$work/stack.json" --deployed "$work/deployed.json")
    fi
    deployer compose "${arguments[@]}" --set "PermissionsBoundaryArn=${bootstrap[PermissionsBoundaryArn]}" \
        ${AT_ONCE:+--at-once} "$@" --output "$work"

    local bucket=${bootstrap[ArtifactBucket]} key changes
    changes=deploy-$(date +%s)
    key="templates/$stack-$(sha256sum "$work/template.json" | cut -d ' ' -f 1).json"
    aws s3 cp --only-show-errors "$work/template.json" "s3://$bucket/$key"
    aws cloudformation create-change-set --stack-name "$stack" --change-set-name "$changes" --change-set-type "$kind" \
        --template-url "https://${bootstrap[ArtifactBucketDomain]}/$key" --parameters "file://$work/parameters.json" \
        --role-arn "${bootstrap[ExecutionRoleArn]}" --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND > "$work/created"
    if ! aws cloudformation wait change-set-create-complete --stack-name "$stack" --change-set-name "$changes" 2> "$work/error"; then
        local reason
        reason=$(aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$changes" \
            --query StatusReason --output text)
        aws cloudformation delete-change-set --stack-name "$stack" --change-set-name "$changes"
        case $reason in
        *"didn't contain changes"* | *"No updates are to be performed"*) echo "nothing has changed" ;;
        *) echo "CloudFormation refuses the changes: $reason" >&2 && exit 1 ;;
        esac
        return
    fi
    # Deletes what a failed deployment has created, versions of functions included: Lambda would refuse to publish an
    # equal version again, so the same commit could not be deployed a second time.
    aws cloudformation execute-change-set --stack-name "$stack" --change-set-name "$changes" --retain-except-on-create
    local waiter="stack-update-complete"
    [ "$kind" = UPDATE ] || waiter="stack-create-complete"
    if ! aws cloudformation wait "$waiter" --stack-name "$stack"; then
        aws cloudformation describe-stack-events --stack-name "$stack" --output text --query \
            "StackEvents[?contains(ResourceStatus, 'FAILED')] | [:20].[Timestamp, LogicalResourceId, ResourceStatusReason]" >&2
        exit 1
    fi
    echo "deployed $stack"
}

deploy() {
    local environment=${1:?the environment, such as prod} function place arguments=()
    shift
    for function in "$@"; do
        place=$(upload "$function" "${PACKAGES:-$root/target/lambda}/$function.zip")
        arguments+=(--package "$function=$place")
    done
    apply --template "$root/template.yaml" --parameters "$root/samconfig.toml" --environment "$environment" \
        "${arguments[@]}"
    # A parameter of its own: tags are copied to every resource, and deployments that set none would remove them.
    [ -z "${COMMIT:-}" ] || aws ssm put-parameter --name "/$stack/commit" --type String --overwrite --value "$COMMIT" > /dev/null
}

version_of() {
    aws lambda get-alias --function-name "$1" --name "$2" --query FunctionVersion --output text
}

code_of() {
    aws lambda get-function-configuration --function-name "$1" --qualifier "$2" --query CodeSha256 --output text
}

rollback() {
    local function=${1:?the name of the function, such as summary} name=$stack-$1 status current target place url
    status=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text)
    if [ "$status" = UPDATE_IN_PROGRESS ]; then
        echo "canceling the deployment in progress; CloudFormation rolls it back"
        aws cloudformation cancel-update-stack --stack-name "$stack"
        aws cloudformation wait stack-rollback-complete --stack-name "$stack"
        return
    fi
    current=$(version_of "$name" live)
    target=${VERSION:-$(version_of "$name" good 2> /dev/null || true)}
    if [ -z "$target" ]; then
        echo "no version of $name has passed a smoke test; choose one with VERSION=…" >&2
    elif [ "$(code_of "$name" "$target")" != "$(code_of "$name" "$current")" ]; then
        echo "deploying the code of version $target of $name in place of version $current"
        url=$(aws lambda get-function --function-name "$name" --qualifier "$target" --query Code.Location --output text)
        # The URL is signed. It is not passed as an argument, because other users can see those.
        curl --silent --show-error --fail --output "$work/package.zip" --config - <<< "url = \"$url\""
        # At once: the code that is being replaced may have set the alarms off.
        place=$(upload "$function" "$work/package.zip")
        AT_ONCE=1 apply --package "$function=$place"
        return
    else
        echo "version $current of $name already has the code of version $target; choose another one with VERSION=…" >&2
    fi
    aws lambda list-versions-by-function --function-name "$name" --output text \
        --query 'Versions[-10:].[Version, LastModified, CodeSha256]' >&2
    exit 1
}

use_table() {
    local table=${1:?the name of the table} state name names wrong=0
    aws dynamodb wait table-exists --table-name "$table"
    # A restored table has none of these.
    state=$(aws dynamodb describe-time-to-live --table-name "$table" --query TimeToLiveDescription.TimeToLiveStatus --output text)
    [ "$state" = ENABLED ] || aws dynamodb update-time-to-live --table-name "$table" \
        --time-to-live-specification Enabled=true,AttributeName=ttl > /dev/null
    aws dynamodb update-continuous-backups --table-name "$table" \
        --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true > /dev/null
    aws dynamodb update-table --table-name "$table" --deletion-protection-enabled > /dev/null
    # At once: the alarms of the incident must not block its remedy.
    AT_ONCE=1 apply --set "RestoredTable=$table"
    names=$(functions)
    for name in $names; do
        state=$(aws lambda get-function-configuration --function-name "$name" --qualifier live \
            --query Environment.Variables.BILLING_TABLE --output text)
        [ "$state" = "$table" ] || { echo "$name still uses $state" >&2 && wrong=1; }
    done
    [ "$wrong" = 0 ] || exit 1
    echo "every function of $stack uses $table. Add \"RestoredTable=$table\" to the stack's parameters in samconfig.toml."
}

# Prints the names of the functions with an alias.
functions() {
    aws cloudformation list-stack-resources --stack-name "$stack" --output text \
        --query "StackResourceSummaries[?ResourceType=='AWS::Lambda::Alias'].[PhysicalResourceId]" |
        sed 's/.*:function:\([^:]*\):.*/\1/'
}

good() {
    local name names version
    names=$(functions)
    for name in $names; do
        version=$(version_of "$name" live)
        if version_of "$name" good > /dev/null 2>&1; then
            aws lambda update-alias --function-name "$name" --name good --function-version "$version" > /dev/null
        else
            aws lambda create-alias --function-name "$name" --name good --function-version "$version" > /dev/null
        fi
        echo "$name: version $version is good"
    done
}

case $command in
deploy | rollback | use-table)
    read_bootstrap
    "${command//-/_}" "$@"
    ;;
good) good ;;
*) echo "unknown command: $command" >&2 && exit 2 ;;
esac

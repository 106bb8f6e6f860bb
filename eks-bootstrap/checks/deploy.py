"""Deploys to moto, a local emulator of AWS, what it can deploy, and looks at the result through AWS's own API.

Usage: deploy.py FOLDER_OF_TEMPLATES STACK...
Prints one JSON object: what was deployed and what was left out, by resource type, and what the API showed.
"""

import collections
import json
import logging
import os
import pathlib
import re
import sys
import warnings

ACCOUNT = "666666666666"
os.environ.update(
    AWS_ACCESS_KEY_ID="local",
    AWS_SECRET_ACCESS_KEY="local",
    AWS_DEFAULT_REGION="us-east-1",
    MOTO_ACCOUNT_ID=ACCOUNT,
)
warnings.simplefilter("ignore")

import boto3  # noqa: E402
from moto.core.common_models import CloudFormationModel  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402
import moto.cloudformation.parsing  # noqa: E402,F401  (fills the list of models)

# Types that moto has a model for, but not for the properties used here.
BEYOND_MOTO = {
    "AWS::RDS::DBInstance",
    "AWS::EC2::LaunchTemplate",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Function",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::CloudWatch::Dashboard",
    "AWS::EFS::FileSystem",
    "AWS::Events::Archive",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::Method",
}


def supported_types():
    types = set()
    for model in CloudFormationModel.__subclasses__():
        try:
            types.add(model.cloudformation_type())
        except Exception:
            continue
    return types - BEYOND_MOTO


def references(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                yield inner
            elif key == "Fn::GetAtt":
                yield inner[0] if isinstance(inner, list) else inner.split(".")[0]
            elif key == "Fn::ImportValue":
                yield f"import {inner}"
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def without_policy_conditions(value):
    """moto takes the `Condition` of a policy statement for a condition of the template."""
    if isinstance(value, dict):
        dropped = "Condition" if "Effect" in value else None
        return {key: without_policy_conditions(inner) for key, inner in value.items() if key != dropped}
    if isinstance(value, list):
        return [without_policy_conditions(inner) for inner in value]
    return value


def reduce_template(template, supported, exports):
    """Keeps what moto can make and whose references it can resolve; order of dependencies is kept by references."""
    resources = {name: body for name, body in template["Resources"].items() if body["Type"] in supported}
    fixed = {"AWS::Region", "AWS::AccountId", "AWS::Partition", "AWS::URLSuffix", "AWS::NoValue", "AWS::StackId"}
    parameters = {**template.get("Parameters", {})}
    while True:
        known = set(resources) | fixed | set(parameters) | {f"import {name}" for name in exports}
        broken = [name for name, body in resources.items() if not set(references(body.get("Properties", {}))) <= known]
        if not broken:
            break
        for name in broken:
            del resources[name]
    for body in resources.values():
        body.pop("DependsOn", None)
        body.pop("Metadata", None)
        body.pop("Condition", None)
        # moto reads these tags as the services' own APIs spell them, not as CloudFormation does.
        if body["Type"] in ("AWS::KMS::Key", "AWS::SSM::Parameter"):
            body["Properties"].pop("Tags", None)
    # moto's target groups tell none of their attributes.
    silent = {name for name, body in resources.items() if body["Type"].startswith("AWS::ElasticLoadBalancingV2::")}
    outputs = {n: o for n, o in template.get("Outputs", {}).items() if set(references(o["Value"])) <= known - silent}
    return {"Resources": resources, "Outputs": outputs, "Parameters": parameters}


def main(folder, stacks):
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    client = lambda service: boto3.client(service, endpoint_url=f"http://{host}:{port}")
    client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    zone = client("route53").create_hosted_zone(Name="bourse.example", CallerReference="1")["HostedZone"]["Id"]
    cloudformation = client("cloudformation")
    supported, exports = supported_types(), set()
    made, left = collections.Counter(), collections.Counter()
    for stack in stacks:
        text = (folder / f"production-{stack}.json").read_text()
        text = re.sub(r"Z0{19}\d", zone.rsplit("/", 1)[-1], text)
        template = json.loads(text)
        print(f"deploying {stack}", file=sys.stderr)
        small = reduce_template(without_policy_conditions(json.loads(text)), supported, exports)
        cloudformation.create_stack(
            StackName=f"bourse-production-{stack.lower()}",
            TemplateBody=json.dumps(small),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        status = cloudformation.describe_stacks(StackName=f"bourse-production-{stack.lower()}")["Stacks"][0]
        assert status["StackStatus"] == "CREATE_COMPLETE", status
        exports |= {export["Name"] for export in cloudformation.list_exports()["Exports"]}
        here = collections.Counter(body["Type"] for body in small["Resources"].values())
        made += here
        left += collections.Counter(body["Type"] for body in template["Resources"].values()) - here
    print(json.dumps({"deployed": dict(sorted(made.items())), "left": dict(sorted(left.items())), "seen": look(client)}), flush=True)
    server.stop()


def look(client):
    """What AWS's API answers about the estate afterwards."""
    ec2, s3, kms, sqs = (client(name) for name in ("ec2", "s3", "kms", "sqs"))
    vpc = next(v for v in ec2.describe_vpcs()["Vpcs"] if not v["IsDefault"])
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    subnets = ec2.describe_subnets(Filters=inside)["Subnets"]
    tables = ec2.describe_route_tables(Filters=inside)["RouteTables"]
    open_ports = sorted(
        {
            rule.get("FromPort")
            for group in ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
            for rule in group["IpPermissions"]
            for source in rule["IpRanges"]
            if source["CidrIp"] == "0.0.0.0/0"
        }
    )
    buckets = [b["Name"] for b in s3.list_buckets()["Buckets"]]
    keys = [k["KeyId"] for k in kms.list_keys()["Keys"]]
    queues = sqs.list_queues().get("QueueUrls", [])
    queue = next((url for url in queues if url.endswith("-orders.fifo")), None)
    parameters = client("ssm").get_paginator("get_parameters_by_path").paginate(Path="/bourse/production")
    return {
        "vpc": vpc["CidrBlock"],
        "subnets": sorted(f"{s['AvailabilityZone']} {s['CidrBlock']}" for s in subnets),
        "nat_gateways": len(ec2.describe_nat_gateways(Filters=inside)["NatGateways"]),
        "default_routes": sum(
            route.get("DestinationCidrBlock") == "0.0.0.0/0" for table in tables for route in table["Routes"]
        ),
        "endpoints": len(ec2.describe_vpc_endpoints(Filters=inside)["VpcEndpoints"]),
        "open_ports": open_ports,
        "buckets": sorted(buckets),
        "keys": len(keys),
        "keys_without_rotation": [k for k in keys if not kms.get_key_rotation_status(KeyId=k)["KeyRotationEnabled"]],
        "facts": sorted(p["Name"].rsplit("/", 1)[-1] for page in parameters for p in page["Parameters"]),
        "records": sorted(
            f"{r['Name']} {r.get('Failover', '-')}"
            for r in client("route53").list_resource_record_sets(
                HostedZoneId=client("route53").list_hosted_zones()["HostedZones"][0]["Id"]
            )["ResourceRecordSets"]
            if r["Type"] == "A"
        ),
        "order_queue": queue
        and {
            k: v
            for k, v in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"].items()
            if k in ("FifoQueue", "RedrivePolicy")
        },
    }


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])

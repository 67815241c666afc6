"""AWS Glue where moto does not suffice: the limits of its requests, and jobs whose runs execute their script on a local Spark."""

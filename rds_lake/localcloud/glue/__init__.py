"""The parts of AWS Glue that moto lacks: the limits of requests, and jobs whose runs execute their script on a local Spark."""

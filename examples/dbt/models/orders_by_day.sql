-- One row for each day, of the date that is published: a table, so that its rows stay until it is made again.
{{ config(materialized='table') }}
select
    cast(placed_at as date) as day,
    count(*) as orders,
    sum(total) as total,
    max(snapshot_date) as as_of
from {{ source('shop', 'orders') }}
group by 1

-- Where a call goes that the destination cannot take: the uuid of another destination.
ALTER TABLE destination ADD COLUMN failover TEXT;

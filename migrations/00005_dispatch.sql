-- +goose Up
-- The dispatch role owns its functions now and needs no right to create more.
REVOKE CREATE ON SCHEMA public FROM holdfast_dispatch;
